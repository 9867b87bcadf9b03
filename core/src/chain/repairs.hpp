#pragma once

#include "counters.hpp"
#include "events.hpp"
#include "fences.hpp"
#include "scope.hpp"
#include "tier.hpp"

#include <tiercel/spi/runtime.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::chain {

/// A write or an erasure that some tiers did not take: once all of these have been repaired, its fence is settled.
/// Thread safety: all members may be called concurrently.
class Repair {
public:
    Repair(std::shared_ptr<Fences> fences, std::uint64_t hash, std::uint64_t raised, std::size_t tiers)
        : fences_(std::move(fences)), hash_(hash), raised_(raised), tiers_(tiers) {}

    std::uint64_t hash() const noexcept { return hash_; }

    void done_at_a_tier() {
        if (tiers_.fetch_sub(1, std::memory_order_acq_rel) == 1) fences_->settle(hash_, raised_, true);
    }

private:
    const std::shared_ptr<Fences> fences_;
    const std::uint64_t hash_;
    const std::uint64_t raised_;
    std::atomic<std::size_t> tiers_;
};

/// The keys of which one tier may hold an older value, because it did not take a write or an erasure. They are erased
/// there, in the order in which they came, until the tier has confirmed it; then this process believes the tier again.
///
///   add ──► waiting ──due, and the tier in use──► a batch is being erased ──taken──► gone; the fence is settled
///              ▲                                              │
///              └──────────── not taken: twice the pause ──────┘
///
/// A key that is added again while it waits, or is being erased, is erased once more at its own place in the order, and
/// settles the older addition.
///
/// Bounded: when there is no room the queue is emptied, every older value is given up by this process (the fences'
/// floor), and instead of keys the tier is to take a marker as clear() writes it, which makes them misses for the other
/// processes too. What is waiting when the cache is closed stays undone, and is counted.
/// Thread safety: all members may be called concurrently; no lock is held across a call of the tier or the fences.
class Repairs : public std::enable_shared_from_this<Repairs> {
public:
    static constexpr std::size_t most_keys = 16'384;
    static constexpr std::chrono::milliseconds first_pause{50};
    static constexpr std::chrono::milliseconds longest_pause{1'000};

    Repairs(std::shared_ptr<Tier> tier, std::shared_ptr<Fences> fences, std::shared_ptr<spi::Runtime> runtime,
            std::shared_ptr<Scope> scope, std::shared_ptr<Events> events);

    void add(const WireKey& key, std::shared_ptr<Repair> repair);

    std::size_t waiting() const;
    std::uint64_t done() const noexcept { return done_.get(); }
    std::uint64_t overflows() const noexcept { return overflows_.get(); }

private:
    struct Waiting {
        std::shared_ptr<Repair> repair;
        WireKey key;
        std::uint64_t ticket; ///< of the last addition
    };
    struct Batch {
        std::vector<Waiting> keys;
        std::uint64_t clear_before = 0; ///< a marker of this stamp instead; 0: none
    };

    void arm(std::chrono::nanoseconds pause);
    void run();
    Batch next_batch();
    static boost::asio::awaitable<void> work(std::shared_ptr<Repairs> self, Batch batch);
    /// True if the tier took all of it.
    bool settle(const Batch& batch, const Tier::Outcomes& outcomes);
    void overflow();

    const std::shared_ptr<Tier> tier_;
    const std::shared_ptr<Fences> fences_;
    const std::shared_ptr<spi::Runtime> runtime_;
    const std::shared_ptr<Scope> scope_;
    const std::shared_ptr<Events> events_;
    Counter done_, overflows_;

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    boost::unordered_flat_map<Bytes, Waiting> keys_;
    std::deque<std::pair<std::uint64_t, Bytes>> order_; ///< by ticket; one whose key has another ticket now is over
    std::uint64_t last_ticket_ = 0;
    std::uint64_t clear_before_ = 0;
    std::chrono::nanoseconds pause_ = first_pause;
    bool armed_ = false; ///< a timer is set, or a batch under way
};

} // namespace tiercel::chain
