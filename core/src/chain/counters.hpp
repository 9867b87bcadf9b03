#pragma once

#include <tiercel/stats.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace tiercel::chain {

/// A number that many threads add to. Relaxed: counts order nothing.
class Counter {
public:
    void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// LatencyHistogram as it is being filled.
class LatencyCounter {
public:
    void add(std::chrono::nanoseconds duration, std::uint64_t samples = 1) noexcept {
        buckets_[LatencyHistogram::bucket_of(duration)].add(samples);
    }
    LatencyHistogram get() const noexcept {
        LatencyHistogram histogram;
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            histogram.buckets[i] = buckets_[i].get();
        return histogram;
    }

private:
    std::array<Counter, LatencyHistogram::bucket_count> buckets_;
};

} // namespace tiercel::chain
