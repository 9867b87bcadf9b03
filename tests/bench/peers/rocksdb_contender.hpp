#pragma once

#include "contender.hpp"

#include <rocksdb/cache.h>
#include <xxhash.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace tiercel::bench::peers {

/// What RocksDB's two block caches have in common: values are heap strings that the cache deletes, each of charge 1,
/// in 64 shards, so that the capacity is in entries.
class RocksDbCache {
public:
    static constexpr int shard_bits = 6;

    explicit RocksDbCache(std::shared_ptr<rocksdb::Cache> cache) : cache_(std::move(cache)) {}

    std::size_t get(const rocksdb::Slice& key) {
        auto* const handle = cache_->Lookup(key);
        if (!handle) return 0;
        const auto size = static_cast<const std::string*>(cache_->Value(handle))->size();
        cache_->Release(handle);
        return size;
    }
    void insert(const rocksdb::Slice& key) {
        auto value = std::make_unique<std::string>(payload);
        const auto status = cache_->Insert(
            key, value.get(), 1, [](const rocksdb::Slice&, void* old) { delete static_cast<std::string*>(old); });
        if (status.ok()) (void)value.release();
    }
    void erase(const rocksdb::Slice& key) { cache_->Erase(key); }

private:
    std::shared_ptr<rocksdb::Cache> cache_;
};

inline rocksdb::Slice slice_of(const std::uint64_t& key) {
    return {reinterpret_cast<const char*>(&key), sizeof key};
}
inline rocksdb::Slice slice_of(const std::string& key) {
    return key;
}

template <class K>
class RocksDbLru {
public:
    explicit RocksDbLru(std::size_t max_entries)
        : cache_(rocksdb::NewLRUCache(max_entries, RocksDbCache::shard_bits, false, 0.0, nullptr,
                                      rocksdb::kDefaultToAdaptiveMutex, rocksdb::kDontChargeCacheMetadata)) {}

    std::size_t get(const K& key) { return cache_.get(slice_of(key)); }
    void insert(const K& key) { cache_.insert(slice_of(key)); }
    void put(const K& key) { cache_.insert(slice_of(key)); }
    void erase(const K& key) { cache_.erase(slice_of(key)); }

private:
    RocksDbCache cache_;
};

/// Takes keys of 16 bytes only: integers are padded, strings are hashed to 128 bits, as RocksDB does with its own.
template <class K>
class RocksDbHyperClock {
public:
    explicit RocksDbHyperClock(std::size_t max_entries)
        : cache_(rocksdb::HyperClockCacheOptions(max_entries, 1, RocksDbCache::shard_bits, false, nullptr,
                                                 rocksdb::kDontChargeCacheMetadata)
                     .MakeSharedCache()) {}

    std::size_t get(const K& key) { return cache_.get(Key16(key)); }
    void insert(const K& key) { cache_.insert(Key16(key)); }
    /// An Insert of a key that is there keeps the old value and drops the new one, hence the Erase.
    void put(const K& key) {
        const Key16 bytes(key);
        cache_.erase(bytes);
        cache_.insert(bytes);
    }
    void erase(const K& key) { cache_.erase(Key16(key)); }

private:
    class Key16 {
    public:
        explicit Key16(std::uint64_t key) : words_{key, 0} {}
        explicit Key16(const std::string& key) {
            const auto hash = XXH3_128bits(key.data(), key.size());
            words_ = {hash.low64, hash.high64};
        }
        operator rocksdb::Slice() const { return {reinterpret_cast<const char*>(words_.data()), sizeof words_}; }

    private:
        std::array<std::uint64_t, 2> words_;
    };

    RocksDbCache cache_;
};

} // namespace tiercel::bench::peers
