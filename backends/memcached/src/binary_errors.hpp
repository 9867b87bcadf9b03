#pragma once

#include <tiercel/result.hpp>

#include <libmemcached-1.0/memcached.h>

#include <string_view>

namespace tiercel::memcached {

/// What was going on when libmemcached failed.
enum class Phase : unsigned char {
    connecting, ///< up to the server's greeting: nothing was asked of it
    talking,    ///< a request may have reached the server
};

/// The kind of a libmemcached return code that is not an answer to the request.
Errc errc_of(memcached_return_t code, Phase phase) noexcept;

/// The same with a text for people, which names the server at `address`.
/// `client` is where the failure just happened.
Error to_error(memcached_return_t code, Phase phase, std::string_view address, const memcached_st& client);

/// The server's own words in a message of libmemcached: "(0x55..) SERVER ERROR, <words>,  host: h:1 -> file:2".
std::string_view server_words(std::string_view message) noexcept;

} // namespace tiercel::memcached
