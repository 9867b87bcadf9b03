#include "package_cache.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/memory_backend.hpp>
#include <tiercel/redis.hpp>
#include <tiercel/zstd.hpp>

#include <chrono>

namespace package_lookup {

using namespace std::chrono_literals;

namespace {

// The default of 50 ms suits servers that answer in one, on a machine with room. Here clients and both servers share
// what may be two busy cores, and any of them may wait longer than that for its turn: a timeout would then count a
// healthy server as failing and send its keys further down. A killed server costs none of it: its refusal comes at
// once.
constexpr auto tier_timeout = 500ms;

} // namespace

Backends connect(const std::string& redis_url, const std::string& memcached_servers) {
    Backends backends;
    backends.redis =
        (redis_url.empty() ? tiercel::memory_backend::create() : tiercel::redis::connect(redis_url)).value();
    backends.memcached =
        (memcached_servers.empty() ? tiercel::memory_backend::create() : tiercel::memcached::connect(memcached_servers))
            .value();
    return backends;
}

PackageCache make_package_cache(const Backends& backends, PackageTable& table, std::uint64_t memory_entries) {
    PackageCache::Options options;
    options.name = "packages";
    options.memory = {.max_entries = memory_entries, .eviction = tiercel::eviction::lru()};
    options.tiers = {
        // Kept short, so that what is no longer asked for leaves the dearer memory, and Memcached gets its share.
        // Memory
        // keeps what it has from Redis no longer than Redis does.
        {.backend = backends.redis, .name = "redis", .max_ttl = 3s, .timeout = tier_timeout},
        {.backend = backends.memcached,
         .name = "memcached",
         .compressor = tiercel::zstd::compressor({.level = 3}),
         .timeout = tier_timeout},
    };
    options.expiry = {.ttl = 10min, .jitter = 0.1};
    // The batch form: however many packages are missing, they are one query.
    options.loader = [&table](std::span<const std::string> names) { return table.find(names); };
    return PackageCache::create(std::move(options)).value();
}

} // namespace package_lookup
