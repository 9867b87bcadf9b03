#pragma once

#include "support/memcached_server.hpp"
#include "support/redis_server.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/memcached.hpp>
#include <tiercel/redis.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace tiercel {

// How GoogleTest shows them.
inline void PrintTo(Errc code, std::ostream* out) {
    *out << to_string(code);
}
inline void PrintTo(const Error& error, std::ostream* out) {
    *out << to_string(error.code()) << ": " << error.message();
}
inline void PrintTo(const Source& source, std::ostream* out) {
    *out << "source " << static_cast<int>(source.kind) << " tier " << static_cast<int>(source.tier);
}

} // namespace tiercel

namespace tiercel::test {

using namespace std::chrono_literals;

using Texts = Cache<std::string, std::string>;
using Text = Handle<std::string>;

inline constexpr Source from_memory{Source::Kind::memory, 0};
inline constexpr Source from_loader{Source::Kind::loader, 0};
inline constexpr Source from_tier(std::uint8_t index) {
    return {Source::Kind::tier, index};
}

/// Time enough for a server on an overloaded machine: only a failing test waits for it.
inline constexpr auto patience = 20s;

/// A tier over a redis at `url` that comes back soon after an outage.
inline TierOptions redis_tier(std::string_view url, std::chrono::nanoseconds timeout = patience) {
    redis::Options options;
    options.connect_timeout = patience;
    options.reconnect_delay_min = 1ms;
    options.reconnect_delay_max = 10ms;
    return {.backend = redis::connect(url, options), .timeout = timeout};
}

/// A tier over a memcached at `address` that comes back soon after an outage.
inline TierOptions memcached_tier(std::string_view address, std::chrono::nanoseconds timeout = patience) {
    memcached::Options options;
    options.connect_timeout = patience;
    options.reconnect_delay_min = 1ms;
    options.reconnect_delay_max = 10ms;
    return {.backend = memcached::connect(address, options), .timeout = timeout};
}

/// A chain of memory over these tiers.
inline Texts::Options texts(std::vector<TierOptions> tiers) {
    Texts::Options options;
    options.name = "texts";
    options.tiers = std::move(tiers);
    options.timeouts.call = 3 * patience;
    return options;
}

/// A cache of options that are good.
template <class K, class V>
Cache<K, V> made(CacheOptions<K, V> options) {
    return Cache<K, V>::create(std::move(options)).value();
}

inline std::uint64_t errors(const TierStats& tier, Errc code) {
    return tier.errors[static_cast<std::size_t>(code)];
}

/// The error that options must not be accepted without.
template <class K, class V>
Error refusal(CacheOptions<K, V> options) {
    const auto cache = Cache<K, V>::create(std::move(options));
    EXPECT_FALSE(cache) << "the options were accepted";
    return cache.error();
}

/// Both servers, and caches over them that stand for processes of their own.
class TwoServers : public ::testing::Test {
protected:
    /// Memory over redis over memcached.
    std::vector<TierOptions> both(std::chrono::nanoseconds timeout = patience) const {
        return {redis_tier(redis.url(), timeout), memcached_tier(memcached.address(), timeout)};
    }

    RedisServer redis;
    MemcachedServer memcached;
};

} // namespace tiercel::test
