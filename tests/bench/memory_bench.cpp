// The memory tier: hits, misses that load, and what the counters cost, next to what people write by hand.

#include "memory/store.hpp"
#include "workload.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/memoize.hpp>

#include <benchmark/benchmark.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace {

using namespace tiercel::bench;
using Value = std::string;

const Value payload(128, 'v');

template <class K>
K key_of(std::uint64_t number) {
    if constexpr (std::is_same_v<K, std::string>)
        return string_key(number);
    else
        return number;
}

template <class K>
const std::vector<K>& keys() {
    static const std::vector<K> all = [] {
        std::vector<K> made;
        for (const auto number : zipf_keys())
            made.push_back(key_of<K>(number));
        return made;
    }();
    return all;
}

/// Where each thread begins in the sequence, so that they do not walk in step.
std::size_t start_of(const benchmark::State& state) {
    return static_cast<std::size_t>(state.thread_index()) * 104'729;
}

/// What a service writes by hand: a list and a map under one mutex.
template <class K>
class MutexLru {
public:
    std::shared_ptr<const Value> get(const K& key) {
        const std::lock_guard lock(mutex_);
        const auto place = map_.find(key);
        if (place == map_.end()) return nullptr;
        order_.splice(order_.begin(), order_, place->second);
        return place->second->second;
    }
    void put(const K& key, std::shared_ptr<const Value> value) {
        const std::lock_guard lock(mutex_);
        order_.emplace_front(key, std::move(value));
        map_[key] = order_.begin();
    }

private:
    std::mutex mutex_;
    std::list<std::pair<K, std::shared_ptr<const Value>>> order_;
    std::unordered_map<K, typename decltype(order_)::iterator> map_;
};

/// What a cache does beside its work.
enum class Beside { nothing, recording, estimating };

template <class K, Beside beside = Beside::nothing>
tiercel::Cache<K, Value>& filled_cache() {
    static auto cache = [] {
        typename tiercel::Cache<K, Value>::Options options;
        options.name = "bench";
        options.memory.max_entries = 2 * population;
        if (beside == Beside::recording) options.record_accesses.path = "/dev/null";
        options.memory.estimate_capacities = beside == Beside::estimating;
        auto made = tiercel::Cache<K, Value>::create(std::move(options)).value();
        for (std::uint64_t i = 0; i < population; ++i)
            (void)made.put(key_of<K>(i), payload);
        return made;
    }();
    return cache;
}

template <class K, Beside beside = Beside::nothing>
void hit(benchmark::State& state) {
    auto& cache = filled_cache<K, beside>();
    const auto& all = keys<K>();
    auto i = start_of(state);
    for (auto _ : state) {
        auto handle = cache.get(all[i++ % all.size()]);
        benchmark::DoNotOptimize(handle->data());
    }
    state.SetItemsProcessed(state.iterations());
}

template <class K>
void hit_mutex_lru(benchmark::State& state) {
    static MutexLru<K> lru;
    static const bool filled = [] {
        for (std::uint64_t i = 0; i < population; ++i)
            lru.put(key_of<K>(i), std::make_shared<const Value>(payload));
        return true;
    }();
    benchmark::DoNotOptimize(filled);
    const auto& all = keys<K>();
    auto i = start_of(state);
    for (auto _ : state) {
        auto value = lru.get(all[i++ % all.size()]);
        benchmark::DoNotOptimize(value->data());
    }
    state.SetItemsProcessed(state.iterations());
}

/// The engine without the facade's sampled timing: the difference to `hit` is what the statistics cost beyond counting.
void hit_engine_alone(benchmark::State& state) {
    struct Clock final : tiercel::spi::Clock {
        tiercel::SteadyTime now() const noexcept override { return std::chrono::steady_clock::now(); }
        tiercel::SystemTime wall_now() const noexcept override { return {}; }
    };
    using Entry = tiercel::detail::TypedEntry<std::uint64_t, Value>;
    static Clock clock;
    static tiercel::memory::Store store = [] {
        tiercel::memory::StoreOptions options;
        options.max_entries = 2 * population;
        options.holds_key = [](const tiercel::detail::Entry& entry, const void* key) noexcept {
            return static_cast<const Entry&>(entry).typed_key() == *static_cast<const std::uint64_t*>(key);
        };
        return tiercel::memory::Store(std::move(options), clock);
    }();
    static const bool filled = [] {
        const std::atomic<std::uint64_t> fence{0};
        for (std::uint64_t i = 0; i < population; ++i) {
            auto* entry = new Entry(tiercel::hash_of(i), i);
            entry->emplace(payload);
            store.insert(tiercel::detail::EntryPtr(entry), fence, 0);
        }
        return true;
    }();
    benchmark::DoNotOptimize(filled);
    const auto& all = keys<std::uint64_t>();
    auto i = start_of(state);
    for (auto _ : state) {
        const auto& key = all[i++ % all.size()];
        auto entry = store.find({tiercel::hash_of(key), &key});
        benchmark::DoNotOptimize(static_cast<const Entry&>(*entry).value()->data());
    }
    state.SetItemsProcessed(state.iterations());
}

void miss_with_loader(benchmark::State& state, tiercel::RunOn run_on) {
    auto cache =
        tiercel::Cache<std::uint64_t, Value>::create({
                                                         .name = "bench",
                                                         .memory = {.max_entries = 1'000},
                                                         .loading = {.run_on = run_on},
                                                         .loader = [](const std::uint64_t&) { return payload; },
                                                     })
            .value();
    std::uint64_t key = 0;
    for (auto _ : state) {
        auto value = cache.get_or_load(key++);
        benchmark::DoNotOptimize((*value)->data());
    }
    state.SetItemsProcessed(state.iterations());
}

void miss_loader_on_workers(benchmark::State& state) {
    miss_with_loader(state, tiercel::RunOn::workers);
}
void miss_loader_on_caller(benchmark::State& state) {
    miss_with_loader(state, tiercel::RunOn::caller);
}
void loader_by_hand(benchmark::State& state) {
    for (auto _ : state) {
        auto value = std::make_shared<const Value>(payload);
        benchmark::DoNotOptimize(value->data());
    }
}

void stats_snapshot(benchmark::State& state) {
    auto& cache = filled_cache<std::uint64_t>();
    for (auto _ : state)
        benchmark::DoNotOptimize(cache.stats().memory.hits);
}

} // namespace

BENCHMARK(hit<std::uint64_t>)->Name("L1 hit, 64-bit keys: tiercel")->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(hit<std::uint64_t, Beside::recording>)
    ->Name("L1 hit, 64-bit keys: tiercel, recording one key in 100")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(hit<std::uint64_t, Beside::estimating>)
    ->Name("L1 hit, 64-bit keys: tiercel, estimating other capacities")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(hit_mutex_lru<std::uint64_t>)
    ->Name("L1 hit, 64-bit keys: mutex, list and map")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(hit_engine_alone)
    ->Name("L1 hit, 64-bit keys: engine without the facade")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(hit<std::string>)->Name("L1 hit, 32-byte keys: tiercel")->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(hit_mutex_lru<std::string>)
    ->Name("L1 hit, 32-byte keys: mutex, list and map")
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();
BENCHMARK(miss_loader_on_caller)->Name("L1 miss and load: tiercel, on the caller's thread")->UseRealTime();
BENCHMARK(miss_loader_on_workers)->Name("L1 miss and load: tiercel, on a worker thread")->UseRealTime();
BENCHMARK(loader_by_hand)->Name("L1 miss and load: the loader by hand, kept nowhere")->UseRealTime();
BENCHMARK(stats_snapshot)->Name("Cache::stats()")->UseRealTime();
