#include "binary_connection.hpp"
#include "binary_connections.hpp"
#include "expiration.hpp"
#include "ring.hpp"
#include "server_list.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/spi/blocking_backend.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tiercel::memcached {

namespace {

using spi::Conditional;
using spi::Lookup;
using spi::PutItem;
using spi::Version;

constexpr std::size_t max_key_bytes = 250;

Result<void> check_key(BytesView key) {
    const auto graphic = [](char c) { return c > ' ' && c < 0x7f; };
    if (!key.empty() && key.size() <= max_key_bytes && std::all_of(key.begin(), key.end(), graphic)) return {};
    return Error(Errc::invalid_key,
                 "memcached: a key is 1 to 250 characters of printable ASCII without space; encode or hash it");
}

Result<void> check_ttl(std::optional<std::chrono::milliseconds> ttl) {
    if (!ttl || ttl->count() > 0) return {};
    return Error(Errc::invalid_option, "memcached: a ttl must be positive; erase the key instead");
}

std::time_t expiration_from_now(std::optional<std::chrono::milliseconds> ttl) {
    return expiration(ttl, std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
}

Result<void> check_positive(std::chrono::milliseconds time, const char* name) {
    if (time.count() >= 1 && time.count() <= std::numeric_limits<std::int32_t>::max()) return {};
    return Error(Errc::invalid_option,
                 "memcached::SaslOptions::" + std::string(name) + ": must be from 1 ms to 24 days");
}

Result<void> check_positive(std::size_t number, const char* name) {
    if (number >= 1) return {};
    return Error(Errc::invalid_option, "memcached::SaslOptions::" + std::string(name) + ": must be at least 1");
}

Result<void> check(const SaslOptions& options) {
    if (options.username.empty()) {
        return Error(Errc::invalid_option, "memcached::SaslOptions::username is missing; for servers without a login, "
                                           "use tiercel::memcached::connect");
    }
    for (const auto& checked :
         {check_positive(options.connect_timeout, "connect_timeout"),
          check_positive(options.request_timeout, "request_timeout"),
          check_positive(options.retry_interval, "retry_interval"),
          check_positive(options.max_value_bytes, "max_value_bytes"), check_positive(options.threads, "threads"),
          check_positive(options.max_queued, "max_queued")}) {
        if (!checked) return checked;
    }
    return {};
}

/// The pool: a lane for each server.
class BinaryClient final : public spi::BlockingClient {
public:
    BinaryClient(const std::vector<Server>& servers, const SaslOptions& options, Ring ring)
        : max_value_bytes_(options.max_value_bytes), ring_(std::move(ring)) {
        for (const auto& server : servers)
            servers_.push_back(std::make_unique<BinaryConnections>(server, options));
    }

    std::string_view name() const noexcept override { return "memcached"; }
    spi::Capabilities capabilities() const noexcept override {
        return {.max_key_bytes = max_key_bytes,
                .binary_keys = false,
                .max_value_bytes = max_value_bytes_,
                .conditional_writes = true};
    }
    std::size_t lane(BytesView key) const noexcept override { return ring_.server_of(key); }

    std::vector<Lookup> get_many(std::span<const BytesView> keys, SteadyTime deadline) override {
        std::vector<BytesView> asked; // the distinct keys that can be asked for
        boost::unordered_flat_map<BytesView, std::size_t> places;
        for (const auto key : keys) {
            if (check_key(key) && places.emplace(key, asked.size()).second) asked.push_back(key);
        }
        std::vector<std::optional<spi::Found>> found(asked.size());
        const auto fetched = asked.empty() ? Result<void>() : fetch(asked, found, deadline);

        std::vector<Lookup> lookups;
        lookups.reserve(keys.size());
        for (const auto key : keys) {
            const auto place = places.find(key);
            if (place == places.end()) {
                lookups.emplace_back(check_key(key).error());
            } else if (fetched || found[place->second]) {
                lookups.emplace_back(found[place->second]);
            } else {
                lookups.emplace_back(fetched.error());
            }
        }
        return lookups;
    }

    std::vector<Result<void>> put_many(std::span<const PutItem> items, SteadyTime deadline) override {
        return one_by_one<void>(items, deadline,
                                [&](BinaryConnection& connection, const PutItem& item) -> Result<void> {
                                    return connection.set(item, expiration_from_now(item.ttl), deadline);
                                });
    }

    std::vector<Result<bool>> erase_many(std::span<const BytesView> keys, SteadyTime deadline) override {
        return one_by_one<bool>(keys, deadline, [&](BinaryConnection& connection, BytesView key) {
            return connection.erase(key, deadline);
        });
    }

    std::vector<Result<bool>> touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl,
                                         SteadyTime deadline) override {
        if (const auto valid = check_ttl(ttl); !valid) return std::vector<Result<bool>>(keys.size(), valid.error());
        return one_by_one<bool>(keys, deadline, [&](BinaryConnection& connection, BytesView key) {
            return connection.touch(key, expiration_from_now(ttl), deadline);
        });
    }

    Result<Conditional> put_if_absent(const PutItem& item, SteadyTime deadline) override {
        const auto results = one_by_one<Conditional>(
            std::span(&item, 1), deadline, [&](BinaryConnection& connection, const PutItem& only) {
                return connection.add(only, expiration_from_now(only.ttl), deadline);
            });
        return results.front();
    }

    Result<Conditional> put_if_version(const PutItem& item, Version expected, SteadyTime deadline) override {
        if (expected == Version{}) return Conditional::conflict; // memcached gives no item the number 0
        const auto results = one_by_one<Conditional>(
            std::span(&item, 1), deadline, [&](BinaryConnection& connection, const PutItem& only) {
                return connection.cas(only, expiration_from_now(only.ttl), expected, deadline);
            });
        return results.front();
    }

    /// Succeeds if any server answers; each gets an equal part of the time that is left.
    Result<void> ping(SteadyTime deadline) override {
        std::vector<std::optional<spi::Found>> found(1);
        const BytesView key = "tiercel:ping";
        Result<void> answered;
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            const auto now = std::chrono::steady_clock::now();
            const auto left = static_cast<std::chrono::nanoseconds::rep>(servers_.size() - i);
            answered = fetch_from(*servers_[i], std::span(&key, 1), found, now + (deadline - now) / left);
            if (answered) break;
        }
        return answered;
    }

private:
    Result<void> check(const PutItem& item) const {
        if (auto valid = check_key(item.key); !valid) return valid;
        if (auto valid = check_ttl(item.ttl); !valid) return valid;
        if (item.value.size() <= max_value_bytes_) return {};
        return Error(Errc::value_too_large, "memcached: a value of " + std::to_string(item.value.size()) +
                                                " bytes is over max_value_bytes, " + std::to_string(max_value_bytes_) +
                                                "; raise it together with the server's -I");
    }
    Result<void> check(BytesView key) const { return check_key(key); }

    static BytesView key_of(const PutItem& item) { return item.key; }
    static BytesView key_of(BytesView key) { return key; }

    Result<void> fetch(std::span<const BytesView> keys, std::span<std::optional<spi::Found>> found,
                       SteadyTime deadline) {
        return fetch_from(*servers_[lane(keys.front())], keys, found, deadline);
    }

    static Result<void> fetch_from(BinaryConnections& server, std::span<const BytesView> keys,
                                   std::span<std::optional<spi::Found>> found, SteadyTime deadline) {
        for (;;) {
            const auto lease = server.borrow(deadline);
            if (!lease) return lease.error();
            auto fetched = (*lease)->get_many(keys, found, deadline);
            if (fetched) return fetched;
            if (fetched.error() == Errc::connection_lost) server.drop_idle();
            const bool went_stale = fetched.error() == Errc::connection_lost && lease->reused();
            if (went_stale || fetched.error() == Errc::protocol_error) // what such an answer held is not to be trusted
                std::fill(found.begin(), found.end(), std::nullopt);
            if (!went_stale) return fetched;
            // The server had closed an idle connection, or was restarted: reading again harms nobody.
        }
    }

    /// Does `one` for each item, each a request of its own, on one connection. What breaks the connection is reported
    /// for its item only if it is the first loss, since the connection may have gone stale while idle, or if the server
    /// did answer; otherwise for the rest as well.
    template <class Out, class Item, class One>
    std::vector<Result<Out>> one_by_one(std::span<const Item> items, SteadyTime deadline, One one) {
        std::vector<Result<Out>> results;
        results.reserve(items.size());
        std::optional<BinaryConnections::Lease> lease;
        std::optional<Error> stop;
        bool lost = false;
        for (const auto& item : items) {
            if (const auto valid = check(item); !valid) {
                results.emplace_back(valid.error());
                continue;
            }
            auto& server = *servers_[lane(key_of(item))];
            if (!stop && !lease) {
                auto borrowed = server.borrow(deadline);
                if (borrowed) {
                    lease.emplace(std::move(*borrowed));
                } else {
                    stop = borrowed.error();
                }
            }
            if (stop) {
                results.emplace_back(*stop);
                continue;
            }
            results.push_back(one(**lease, item));
            if ((*lease)->usable()) continue;
            lease.reset();
            const auto& error = results.back().error();
            switch (error.code()) {
            case Errc::value_too_large:
            case Errc::out_of_memory:
            case Errc::server_error:
                break;
            case Errc::connection_lost:
                server.drop_idle();
                if (lost) stop = error;
                lost = true;
                break;
            default:
                stop = error;
            }
        }
        return results;
    }

    const std::size_t max_value_bytes_;
    const Ring ring_;
    std::vector<std::unique_ptr<BinaryConnections>> servers_;
};

} // namespace

Result<std::shared_ptr<spi::Backend>> connect_sasl(const std::vector<Server>& servers, const SaslOptions& options) {
    if (const auto valid = check(servers); !valid) return valid.error();
    const auto socket = std::find_if(servers.begin(), servers.end(), is_unix_socket);
    if (socket != servers.end()) {
        return Error(Errc::invalid_option, "servers: \"" + socket->host +
                                               "\": libmemcached does not log in over a unix socket; give a host and a "
                                               "port");
    }
    if (const auto valid = check(options); !valid) return valid.error();
    auto ring = Ring::create(servers);
    if (!ring) return ring.error();
    return spi::make_blocking_backend(std::make_shared<BinaryClient>(servers, options, std::move(*ring)),
                                      {.threads = options.threads, .max_queued = options.max_queued});
}

Result<std::shared_ptr<spi::Backend>> connect_sasl(std::string_view servers, const SaslOptions& options) {
    auto parsed = parse_servers(servers);
    if (!parsed) return parsed.error();
    return connect_sasl(*parsed, options);
}

} // namespace tiercel::memcached
