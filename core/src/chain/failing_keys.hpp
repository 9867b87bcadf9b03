#pragma once

#include <tiercel/spi/clock.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

namespace tiercel::chain {

/// The keys whose last load failed, and until when a stale value is to do instead of another try.
///
/// Bounded: when there is no room, the oldest record goes, and its key may be tried early.
/// Thread safety: all members may be called concurrently; while no load fails, as usual, without a lock.
class FailingKeys {
public:
    explicit FailingKeys(std::size_t max_records) : max_records_(max_records) {}

    void failed(std::uint64_t hash, SteadyTime retry_at);
    void succeeded(std::uint64_t hash);

    /// Whether it is too early to load this key again.
    bool must_wait(std::uint64_t hash, SteadyTime now);

    std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    std::size_t capacity() const noexcept { return max_records_; }

private:
    struct Failed {
        std::uint64_t hash;
        SteadyTime retry_at;
    };
    void forget(std::uint64_t hash);
    void forget_oldest();

    const std::size_t max_records_;
    /// Of records_. Read without the lock: who misses a failure of this moment loads once more.
    std::atomic<std::size_t> size_{0};
    std::mutex mutex_;
    boost::unordered_flat_map<std::uint64_t, SteadyTime> records_;
    std::deque<Failed> order_; ///< of failures; one that has no record of that time any more is over
};

} // namespace tiercel::chain
