#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tiercel::memory {

/// Hits and misses, counted by threads that do not share a cache line: a counter that all write would cost a hit more
/// than the hit.
/// Thread safety: all members may be called concurrently.
///
/// A stripe is written by the one living thread with its number, with a load and a store; a number is handed from one
/// thread to the next under a lock (Epochs), so that no count is lost. Threads beyond the stripes share the last one
/// and add atomically. Relaxed: counts order nothing.
class HitCounts {
public:
    void add(std::size_t thread_number, bool is_hit) noexcept {
        if (thread_number >= own_stripes) [[unlikely]]
            return add(thread_number, is_hit ? 1 : 0, is_hit ? 0 : 1);
        auto& count = is_hit ? stripes_[thread_number].hits : stripes_[thread_number].misses;
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    void add(std::size_t thread_number, std::uint64_t hits, std::uint64_t misses) noexcept {
        if (thread_number < own_stripes) {
            Stripe& mine = stripes_[thread_number];
            mine.hits.store(mine.hits.load(std::memory_order_relaxed) + hits, std::memory_order_relaxed);
            mine.misses.store(mine.misses.load(std::memory_order_relaxed) + misses, std::memory_order_relaxed);
        } else {
            stripes_[own_stripes].hits.fetch_add(hits, std::memory_order_relaxed);
            stripes_[own_stripes].misses.fetch_add(misses, std::memory_order_relaxed);
        }
    }

    std::uint64_t hits() const noexcept {
        std::uint64_t sum = 0;
        for (const Stripe& stripe : stripes_)
            sum += stripe.hits.load(std::memory_order_relaxed);
        return sum;
    }
    std::uint64_t misses() const noexcept {
        std::uint64_t sum = 0;
        for (const Stripe& stripe : stripes_)
            sum += stripe.misses.load(std::memory_order_relaxed);
        return sum;
    }

private:
    static constexpr std::size_t own_stripes = 31;

    struct alignas(64) Stripe {
        std::atomic<std::uint64_t> hits{0};
        std::atomic<std::uint64_t> misses{0};
    };
    std::array<Stripe, own_stripes + 1> stripes_;
};

} // namespace tiercel::memory
