#pragma once

#include "counters.hpp"
#include "events.hpp"
#include "fences.hpp"
#include "scope.hpp"
#include "tier.hpp"

#include <tiercel/spi/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace tiercel::chain {

/// A write or an erasure that some tiers did not take, on its way to being settled.
///
/// While a tier holds the old value, whoever finds it there fills the nearer tiers with it. So the key is erased at the
/// farthest tier that failed first, then at each nearer one, those included that had taken it; after tier 0 no older
/// value can be found, and the fence is settled. (Nearer tiers that failed are erased without waiting for that too.)
struct Repair {
    WireKey key;
    std::uint64_t hash = 0;
    std::uint64_t raised = 0; ///< its fence; see Fences::settle
};

/// The keys of which one tier may hold an older value, because it did not take a write or an erasure. They are erased
/// there until the tier has confirmed it.
///
///   owe ──► waiting ──due, and the tier in use──► a batch is being erased ──taken──► owed to the next nearer tier;
///              ▲                                              │                       at tier 0: the fence is settled
///              └── not taken: to the end of the queue, and twice the pause ──┘
///
/// A key that is owed again while it waits, or is being erased, is erased once more, at its new place. Order between
/// keys means nothing; keys that a tier refuses do not hold up the others. A key that was put meanwhile, and every tier
/// took it, is looked at first: that value stays where it is found, and counts as repaired.
///
/// Bounded in keys and bytes: when there is no room the queue is emptied, this process believes nothing in this tier
/// that is older than now, and the tier is owed a marker as clear() writes it, which makes the same misses for the
/// others. So is a clear() that it did not take. A marker is never put in the place of a newer one. What is waiting
/// when the cache is closed stays undone, and is counted; a batch under way is given up. Thread safety: all members may
/// be called concurrently; no lock is held across a call of the tier or the fences.
class Repairs : public std::enable_shared_from_this<Repairs> {
public:
    static constexpr std::size_t most_keys = 16'384;
    static constexpr std::size_t most_bytes = std::size_t{16} << 20;
    static constexpr std::chrono::milliseconds first_pause{50};
    static constexpr std::chrono::milliseconds longest_pause{1'000};

    /// `nearer`: of the next nearer tier; null: there is none.
    Repairs(std::shared_ptr<Tier> tier, std::shared_ptr<Repairs> nearer, std::shared_ptr<Fences> fences,
            std::shared_ptr<spi::Runtime> runtime, std::shared_ptr<Scope> scope, std::shared_ptr<Events> events);

    /// The tier owes an erasure, which the nearer tiers and then the fence wait for.
    void owe(const Repair& repair);
    /// The same, and nothing waits for it. `raised`: what is older is to go.
    void owe_erasure(const WireKey& key, std::uint64_t raised);
    /// Every tier has taken a value of this version: it may stay if nothing was owed that was raised after it. O(1).
    void has_newer(const WireKey& key, std::uint64_t version);
    /// The tier owes a marker of this stamp.
    void owe_clear(std::uint64_t stamp);

    /// Ends a batch that is under way; for close().
    void give_up();

    std::size_t waiting() const;
    std::uint64_t done() const noexcept { return done_.get(); }
    std::uint64_t overflows() const noexcept { return overflows_.get(); }

private:
    struct Fenced {
        std::uint64_t hash = 0;
        std::uint64_t raised = 0;
    };
    struct Owed {
        wire::Fingerprint fingerprint;
        std::vector<Fenced> fenced; ///< what waits for it: one for each owe(), until the next nearer tier takes over
        std::uint64_t ticket = 0;   ///< its place in the order
        std::uint64_t raised = 0;   ///< the highest of what was owed
        std::uint64_t newer = 0;    ///< see has_newer()

        /// The version that may stay, or 0.
        std::uint64_t kept() const noexcept { return newer > raised ? newer : 0; }
    };
    using Keys = std::unordered_map<Bytes, Owed>; // whose nodes stay where they are
    struct Batch {
        std::vector<WireKey> keys;
        std::vector<std::uint64_t> tickets;
        std::vector<std::uint64_t> kept;
        std::uint64_t clear_before = 0; ///< a marker of this stamp instead; 0: none
    };

    void add(const WireKey& key, const Fenced* fenced, std::uint64_t raised, std::uint64_t newer);
    void overflow();
    void pass_on(const WireKey& key, const Owed& owed);
    bool begin();
    void arm(std::chrono::nanoseconds pause);
    void run();
    Batch next_batch();
    static boost::asio::awaitable<void> work(std::shared_ptr<Repairs> self, Batch batch);
    static boost::asio::awaitable<Tier::Outcomes> repair(std::shared_ptr<Repairs> self, const Batch& batch);
    void begins(const Tier::PendingOutcomes& signal, std::size_t size);
    /// True if the tier took all of it.
    bool settle(const Batch& batch, const Tier::Outcomes& outcomes);

    const std::shared_ptr<Tier> tier_;
    const std::shared_ptr<Repairs> nearer_;
    const std::shared_ptr<Fences> fences_;
    const std::shared_ptr<spi::Runtime> runtime_;
    const std::shared_ptr<Scope> scope_;
    const std::shared_ptr<Events> events_;
    Counter done_, overflows_;

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    Keys keys_;
    std::map<std::uint64_t, const Bytes*> order_; ///< by ticket
    std::size_t bytes_ = 0;                       ///< of the keys
    std::uint64_t last_ticket_ = 0;
    std::uint64_t clear_before_ = 0;
    std::chrono::nanoseconds pause_ = first_pause;
    bool armed_ = false; ///< a timer is set, or a batch under way
    Tier::PendingOutcomes under_way_;
    std::size_t under_way_size_ = 0;
};

} // namespace tiercel::chain
