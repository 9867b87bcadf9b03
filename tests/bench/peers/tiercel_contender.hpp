#pragma once

#include "contender.hpp"

#include <tiercel/cache.hpp>

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <utility>

namespace tiercel::bench::peers {

/// tiercel's Cache, through the calls that a service makes.
template <class K>
class TiercelContender {
public:
    explicit TiercelContender(std::size_t max_entries, Eviction eviction = MemoryOptions<K, std::string>().eviction)
        : cache_(Cache<K, std::string>::create(
                     {.name = "bench", .memory = {.max_entries = max_entries, .eviction = eviction}})
                     .value()) {}

    std::size_t get(const K& key) {
        const auto handle = cache_.get(key);
        return handle ? handle->size() : 0;
    }
    void insert(const K& key) { put(key); }
    void put(const K& key) { (void)cache_.put(key, payload); }
    void erase(const K& key) { (void)cache_.invalidate(key); }

protected:
    Cache<K, std::string> cache_;
};

/// The same, many keys a call.
template <class K>
class TiercelBatches {
public:
    explicit TiercelBatches(std::size_t max_entries)
        : cache_(Cache<K, std::string>::create({.name = "bench", .memory = {.max_entries = max_entries}}).value()) {}

    std::size_t get(const K& key) {
        const auto handle = cache_.get(key);
        return handle ? handle->size() : 0;
    }
    std::size_t get_many(std::span<const K> keys) {
        std::size_t found = 0;
        for (const auto& handle : cache_.get_many(keys))
            found += handle && handle->size() != 0 ? 1 : 0;
        return found;
    }
    void insert(const K& key) { (void)cache_.put(key, payload); }

private:
    Cache<K, std::string> cache_;
};

/// The same, each value with a life of its own: from 50 ms, so that many end during a measurement, to a day.
template <class K>
class TiercelTtls : public TiercelContender<K> {
public:
    using TiercelContender<K>::TiercelContender;

    void insert(const K& key) { put(key); }
    void put(const K& key) {
        using namespace std::chrono_literals;
        static constexpr std::array<std::chrono::nanoseconds, 16> lives = {
            50ms, 1h, 3s, 24h, 400ms, 10min, 1s, 5h, 100ms, 2min, 10s, 12h, 200ms, 30min, 5s, 1min};
        thread_local std::size_t next = 0;
        CallOptions options;
        options.ttl = lives[next++ % lives.size()];
        (void)this->cache_.put(key, payload, options);
    }
};

} // namespace tiercel::bench::peers
