#pragma once

#include "contender.hpp"

#define TBB_PREVIEW_CONCURRENT_LRU_CACHE 1
#include <tbb/concurrent_lru_cache.h>

#include <memory>
#include <string>

namespace tiercel::bench::peers {

/// TBB's concurrent_lru_cache, which makes what it misses: it has no lookup without an insert, and neither put nor
/// erase. What is missed is inserted by get(), which answers 0 for it.
template <class K>
class TbbLru {
public:
    explicit TbbLru(std::size_t max_entries) : cache_(&make, max_entries) {}

    std::size_t get(const K& key) {
        missed() = false;
        auto handle = cache_[key];
        const auto size = handle.value()->size();
        return missed() ? 0 : size;
    }
    void insert(const K&) {}

private:
    using Value = std::shared_ptr<const std::string>;

    static bool& missed() {
        thread_local bool yes = false;
        return yes;
    }
    static Value make(K) {
        missed() = true;
        return std::make_shared<const std::string>(payload);
    }

    tbb::concurrent_lru_cache<K, Value> cache_;
};

} // namespace tiercel::bench::peers
