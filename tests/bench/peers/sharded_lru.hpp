#pragma once

#include "contender.hpp"

#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace tiercel::bench::peers {

/// What people write by hand: 64 times a mutex, a list and a map.
template <class K>
class ShardedLru {
public:
    explicit ShardedLru(std::size_t max_entries) : max_per_shard_((max_entries + shards - 1) / shards) {}

    std::size_t get(const K& key) {
        const auto value = find(key);
        return value ? value->size() : 0;
    }
    void insert(const K& key) { put(key); }
    void put(const K& key) {
        auto value = std::make_shared<const std::string>(payload);
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        if (const auto place = shard.places.find(key); place != shard.places.end()) {
            place->second->second.swap(value);
            shard.order.splice(shard.order.begin(), shard.order, place->second);
            return;
        }
        if (shard.places.size() >= max_per_shard_) {
            shard.places.erase(shard.order.back().first);
            shard.order.pop_back();
        }
        shard.order.emplace_front(key, std::move(value));
        shard.places.emplace(key, shard.order.begin());
    }
    void erase(const K& key) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        const auto place = shard.places.find(key);
        if (place == shard.places.end()) return;
        shard.order.erase(place->second);
        shard.places.erase(place);
    }

private:
    using Value = std::shared_ptr<const std::string>;
    using Order = std::list<std::pair<K, Value>>;
    static constexpr std::size_t shards = 64;

    struct alignas(64) Shard {
        std::mutex mutex;
        Order order; ///< the most recently used first
        std::unordered_map<K, typename Order::iterator> places;
    };

    Shard& shard_of(const K& key) { return shards_[std::hash<K>{}(key) % shards]; }

    Value find(const K& key) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        const auto place = shard.places.find(key);
        if (place == shard.places.end()) return nullptr;
        shard.order.splice(shard.order.begin(), shard.order, place->second);
        return place->second->second;
    }

    std::size_t max_per_shard_;
    std::array<Shard, shards> shards_;
};

} // namespace tiercel::bench::peers
