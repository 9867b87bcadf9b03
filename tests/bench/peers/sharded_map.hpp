#pragma once

#include "contender.hpp"

#include <tiercel/hash.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace tiercel::bench::peers {

/// The limit: 64 times a spin lock and a flat map. It keeps no order and never evicts.
template <class K>
class ShardedMap {
public:
    using NeverEvicts = void;

    explicit ShardedMap(std::size_t max_entries) {
        for (auto& shard : shards_)
            shard.values.reserve(max_entries / shards);
    }

    std::size_t get(const K& key) {
        const auto value = find(key);
        return value ? value->size() : 0;
    }
    void insert(const K& key) { put(key); }
    void put(const K& key) {
        auto value = std::make_shared<const std::string>(payload);
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.lock);
        shard.values[key].swap(value);
    }
    void erase(const K& key) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.lock);
        shard.values.erase(key);
    }

private:
    using Value = std::shared_ptr<const std::string>;
    static constexpr std::size_t shards = 64;

    /// Gives up its turn after a while, since the holder may be waiting for this processor.
    class SpinLock {
    public:
        void lock() noexcept {
            while (taken_.test_and_set(std::memory_order_acquire)) {
                for (int looks = 0; taken_.test(std::memory_order_relaxed); ++looks) {
                    if (looks >= 100) std::this_thread::yield();
                }
            }
        }
        void unlock() noexcept { taken_.clear(std::memory_order_release); }

    private:
        std::atomic_flag taken_;
    };

    struct alignas(64) Shard {
        SpinLock lock;
        boost::unordered_flat_map<K, Value> values;
    };

    Shard& shard_of(const K& key) { return shards_[hash_of(key) % shards]; }

    Value find(const K& key) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.lock);
        const auto place = shard.values.find(key);
        return place == shard.values.end() ? nullptr : place->second;
    }

    std::array<Shard, shards> shards_;
};

} // namespace tiercel::bench::peers
