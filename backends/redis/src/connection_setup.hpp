#pragma once

#include "exchange.hpp"
#include "url.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/backend.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace tiercel::redis {

// What connecting to one server and to many have in common. Errors: invalid_option, naming the field.

/// More URLs than anybody lists.
inline constexpr std::size_t max_seeds = 64;

bool is_printable_word(std::string_view text);

Result<void> check(const Options& options);

/// Joins what the URL and the options say of whom to log in as.
Result<void> complete_log_in(Address& address, const Options& options);

/// Reads the files, if the address is to be spoken to over TLS; `name` is that of the options, for messages.
Result<void> prepare_tls(Address& address, const TlsOptions& options, std::string_view name = "redis::Options::tls");

std::shared_ptr<spi::Runtime> runtime_of(const Options& options);

std::shared_ptr<spi::Backend> over(std::shared_ptr<Exchange> exchange, const Options& options);

} // namespace tiercel::redis
