#include "connection_setup.hpp"

#include "redis_backend.hpp"
#include "resp.hpp"
#include "transport/tls_context.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tiercel::redis {

namespace {

Error bad_option(std::string_view field, std::string_view advice) {
    return Error(Errc::invalid_option, "redis::Options::" + std::string(field) + " " + std::string(advice));
}

} // namespace

bool is_printable_word(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Result<void> check(const Options& options) {
    if (auto checked = transport::check(limits_of(options), "redis::Options"); !checked) return checked;
    if (options.max_reply_bytes < 1024 || options.max_reply_bytes > (std::size_t{512} << 20)) {
        return bad_option("max_reply_bytes", "is not from 1 KiB to 512 MiB");
    }
    if (options.max_pending_bytes < options.max_reply_bytes) {
        return bad_option("max_pending_bytes", "is less than max_reply_bytes; the largest value could not be sent");
    }
    if (options.replica_reads && (options.replica_reads->max_staleness < std::chrono::milliseconds(20) ||
                                  options.replica_reads->max_staleness > std::chrono::hours(1))) {
        return bad_option("replica_reads: ReplicaReads::max_staleness", "is not from 20 ms to an hour");
    }
    if (!is_printable_word(options.client_name))
        return bad_option("client_name", "holds a space or what is not printable ASCII");
    return {};
}

Result<void> complete_log_in(Address& address, const Options& options) {
    if (options.username) {
        if (address.username) return bad_option("username", "is given, and the URL has a user too; give one of them");
        address.username = options.username;
    }
    if (options.password) {
        if (address.password) {
            return bad_option("password", "is given, and the URL has a password too; give one of them");
        }
        address.password = options.password;
    }
    if (address.username && !address.password) {
        return bad_option("password",
                          "is missing for the user; write redis://user:password@host, or redis://:password@host where "
                          "there is only a password (for a user without one: redis://user:@host)");
    }
    return {};
}

Result<void> prepare_tls(Address& address, const TlsOptions& options, std::string_view name) {
    if (!address.encrypted) {
        if (options == TlsOptions()) return {};
        return Error(Errc::invalid_option, std::string(name) +
                                               " is given, but the URL is not a rediss:// one, and nothing would be "
                                               "encrypted; write rediss://host:port");
    }
    auto context = transport::TlsContext::create(options, name);
    if (!context) return context.error();
    address.tls = std::move(*context);
    return {};
}

std::shared_ptr<spi::Runtime> runtime_of(const Options& options) {
    return options.runtime ? options.runtime : spi::default_runtime();
}

std::shared_ptr<spi::Backend> over(std::shared_ptr<Exchange> exchange, const Options& options) {
    std::shared_ptr<RecentWrites> recent;
    if (options.replica_reads) {
        recent = std::make_shared<RecentWrites>(options.replica_reads->max_staleness, options.max_silence,
                                                std::chrono::steady_clock::now());
    }
    return std::make_shared<RedisBackend>(std::move(exchange), std::move(recent));
}

} // namespace tiercel::redis
