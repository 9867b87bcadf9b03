#pragma once

#include "contender.hpp"
#include "draws.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <thread>
#include <vector>

namespace tiercel::bench::peers {

enum class Workload : std::uint8_t {
    hits,            ///< gets of keys that are there
    hit_latency,     ///< the same, some of them timed one by one
    mixed_95_5,      ///< 95 % gets that insert what they miss, 5 % puts
    mixed_50_50,     ///< the same, half and half
    put_existing,    ///< puts of keys that are there
    put_at_capacity, ///< puts of keys that are not there, into a full cache
    erase,           ///< erasing all that is there
};

constexpr std::string_view name_of(Workload workload) {
    switch (workload) {
    case Workload::hits:
        return "hits";
    case Workload::hit_latency:
        return "hit latency";
    case Workload::mixed_95_5:
        return "95/5";
    case Workload::mixed_50_50:
        return "50/50";
    case Workload::put_existing:
        return "put existing";
    case Workload::put_at_capacity:
        return "put at capacity";
    case Workload::erase:
        return "erase";
    }
    return "";
}

/// What one measurement gave.
struct Sample {
    double per_second = 0; ///< operations, all threads together
    double hit_ratio = 0;  ///< of the gets; 0 if there were none
    double p50_ns = 0;     ///< of Workload::hit_latency only
    double p999_ns = 0;
};

/// What one thread counted.
struct alignas(64) Tally {
    std::uint64_t operations = 0;
    std::uint64_t gets = 0;
    std::uint64_t hits = 0;
    std::vector<std::uint32_t> nanoseconds = {};
};

/// What the threads of one measurement counted, and how long it took.
struct Run {
    std::vector<Tally> tallies;
    std::chrono::duration<double> took = {};

    Sample sample() const;
};

/// Runs, on each of `threads` threads, the `step(tally)` that `begin(thread)` made there, until the time is over.
template <class Begin>
Run run_steps(unsigned threads, std::chrono::nanoseconds duration, Begin begin) {
    Run run{.tallies = std::vector<Tally>(threads)};
    std::atomic<bool> over = false;
    std::chrono::steady_clock::time_point started;
    // Taken before anybody is let go: with more threads than processors this one may come long after the others.
    std::barrier ready(static_cast<std::ptrdiff_t>(threads) + 1,
                       [&started]() noexcept { started = std::chrono::steady_clock::now(); });
    std::vector<std::jthread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            auto step = begin(thread);
            Tally tally;
            ready.arrive_and_wait();
            while (!over.load(std::memory_order_relaxed))
                step(tally);
            run.tallies[thread] = std::move(tally);
        });
    }
    ready.arrive_and_wait();
    std::this_thread::sleep_for(duration);
    over.store(true, std::memory_order_relaxed);
    run.took = std::chrono::steady_clock::now() - started;
    running.clear();
    return run;
}

template <class C, class K>
void get_block(C& cache, std::span<const K, block_size> keys, Tally& tally) {
    if constexpr (Batches<C, K>) {
        tally.hits += cache.get_many(keys);
    } else {
        for (const auto& key : keys)
            tally.hits += cache.get(key) != 0 ? 1 : 0;
    }
    tally.gets += block_size;
    tally.operations += block_size;
}

/// Times every 33rd get: no multiple of the block, so that no place in it is preferred.
template <class C, class K>
void get_block_timed(C& cache, std::span<const K, block_size> keys, Tally& tally) {
    constexpr std::uint64_t stride = 33;
    using Clock = std::chrono::steady_clock;
    for (const auto& key : keys) {
        ++tally.gets;
        if (tally.operations++ % stride != 0) {
            tally.hits += cache.get(key) != 0 ? 1 : 0;
            continue;
        }
        const auto before = Clock::now();
        tally.hits += cache.get(key) != 0 ? 1 : 0;
        const auto took = std::chrono::nanoseconds(Clock::now() - before).count();
        tally.nanoseconds.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(took, UINT32_MAX)));
    }
}

/// Decides on puts: a linear congruential generator (Knuth, MMIX), which costs a nanosecond.
class Coin {
public:
    Coin(std::uint64_t seed, unsigned percent)
        : state_(seed * 0x9e3779b97f4a7c15u + 1), threshold_((std::uint64_t{1} << 32) * percent / 100) {}
    bool toss() {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return state_ >> 32 < threshold_;
    }

private:
    std::uint64_t state_;
    std::uint64_t threshold_;
};

template <class C, class K>
void mixed_block(C& cache, std::span<const K, block_size> keys, Coin& coin, Tally& tally) {
    for (const auto& key : keys) {
        if constexpr (Puts<C, K>) {
            if (coin.toss()) {
                cache.put(key);
                continue;
            }
        }
        ++tally.gets;
        if (cache.get(key) != 0)
            ++tally.hits;
        else
            cache.insert(key);
    }
    tally.operations += block_size;
}

template <class C, class K>
void put_block(C& cache, std::span<const K, block_size> keys, Tally& tally) {
    for (const auto& key : keys)
        cache.put(key);
    tally.operations += block_size;
}

} // namespace tiercel::bench::peers
