#pragma once

#include <tiercel/detail/entry.hpp>
#include <tiercel/eviction.hpp>
#include <tiercel/removal.hpp>
#include <tiercel/spi/clock.hpp>
#include <tiercel/stats.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiercel::memory {

using detail::EntryPtr;
using detail::KeyRef;

class AccessTap;
class CapacityEstimator;

struct StoreOptions {
    std::uint64_t max_entries = 0; ///< 0: no bound by entries
    std::uint64_t max_weight = 0;  ///< 0: no bound by weight
    Eviction eviction = eviction::adaptive();
    /// Power of two, at most 65,536; 0: chosen from the bounds and the machine. Never more shards than the bounds,
    /// which are split over them evenly: an entry heavier than its shard's part of max_weight is refused.
    std::uint32_t shards = 0;
    std::optional<std::chrono::nanoseconds> expire_after_access = {}; ///< sliding expiry; empty: none
    std::chrono::nanoseconds keep_stale{}; ///< how long past `expires` values are kept, found by use_stale alone
    detail::HoldsKey holds_key = nullptr;  ///< required
    /// Called outside all locks, once for each departure. Must not throw.
    std::function<void(const detail::Entry&, RemovalCause)> on_removal = {};
    std::shared_ptr<AccessTap> tap = {}; ///< hears of a sample of the keys; empty: nobody does
    double tapped_part = 1;              ///< of the keys, above 0 and at most 1
    bool estimate_capacities = false; ///< whether stats() says what other capacities would hit; see CapacityEstimator
};

struct StoreStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t inserts = 0;
    std::uint64_t fenced = 0;    ///< inserts dropped because their key was invalidated since their load began
    std::uint64_t too_heavy = 0; ///< inserts refused because they outweigh a whole shard
    std::uint64_t entries = 0;
    std::uint64_t weight = 0;
    std::uint64_t max_entries = 0; ///< 0: no bound
    std::uint64_t max_weight = 0;  ///< 0: no bound
    std::array<std::uint64_t, removal_cause_count> removals{};
    std::optional<CapacityEstimates> estimates; ///< empty: not asked for, or nothing to go by yet
};

enum class Insert : std::uint8_t {
    stored,
    fenced,    ///< dropped: the fence is above `began`; the entry of that key, if any, stays
    too_heavy, ///< refused: heavier than a shard may be; the entry of that key has left (cause: size)
    outdated,  ///< refused: past its life already, and there is one of its version or a newer one
    closed,    ///< refused: the store is closed
};

class Shard;
class HitCounts;

/// The memory tier: a sharded table of entries, an eviction policy and an expiry wheel for each shard.
///
/// An entry is fresh until the earlier of `expires` and `last_used` plus expire_after_access, and dead from then on;
/// or, with a value and keep_stale, stale for that long after `expires` first. A dead entry that is found, replaced or
/// evicted before expire() got to it leaves with cause `expired`.
///
/// Thread safety: all members may be called concurrently. Finding takes no lock and waits for nobody, unless the policy
/// orders its entries at each use (lru, lfu, mru and such: see Uses); then it takes the shard's. That lock is held for
/// a bounded amount of work, never across user code other than key equality and the clock. Listeners and destructors of
/// values run after it is released, on the thread whose call made the entry leave; they may call the store.
/// Errors: none; never throws except std::bad_alloc from insert, clear, set_bounds and set_eviction, after which the
/// store is sound, does not hold the new entry, and has told of whatever left.
class Store {
public:
    /// `clock` must outlive the store.
    Store(StoreOptions options, const spi::Clock& clock);
    /// Closes it.
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// The fresh entry of `key`, counted as a hit and a use; null (a counted miss) when there is none.
    EntryPtr find(KeyRef key) noexcept;

    /// The same for many keys at once: `found[i]` is of `keys[i]`. Faster than one by one where the store is larger
    /// than the CPU's caches, since the memory accesses of several keys are under way together.
    void find_many(std::span<const KeyRef> keys, EntryPtr* found) noexcept;

    /// The same without counting or using.
    EntryPtr peek(KeyRef key) const noexcept;

    /// One that is fresh or stale, counted as a use but not as a hit or a miss.
    EntryPtr use_stale(KeyRef key) noexcept;

    /// Publishes `entry`, which never was published before, unless `fence` is above `began`; replaces the entry of the
    /// same key and evicts as needed, before the new entry goes in.
    /// The fence is read under the shard's lock: whoever raises it and then erases the key leaves nothing older behind.
    Insert insert(EntryPtr entry, const std::atomic<std::uint64_t>& fence, std::uint64_t began);

    /// True if a live entry was there.
    bool erase(KeyRef key, RemovalCause cause = RemovalCause::explicit_) noexcept;

    /// Removes everything, one shard after the other.
    void clear(RemovalCause cause = RemovalCause::explicit_);

    /// Removes every entry whose deadline lies a tick (TimingWheel::tick, about a millisecond) or more back, and none
    /// before its deadline: amortised O(1) an entry. Called from a timer; inserts do a little of it too.
    void expire() noexcept;

    /// True once any entry with a deadline has been inserted: then expire() is worth calling.
    bool expires_entries() const noexcept;

    /// Removes everything (cause: closed); later inserts are refused, later finds miss. Idempotent.
    void close() noexcept;

    /// New bounds, as in StoreOptions; what is over them leaves before this returns (cause: size). The number of shards
    /// stays, so that the bounds must not be under it; smaller ones count as that.
    void set_bounds(std::uint64_t max_entries, std::uint64_t max_weight);

    /// Another policy takes over, with the entries in the order in which the old one would have let them go.
    /// O(entries).
    void set_eviction(Eviction eviction);

    StoreStats stats() const;

    std::uint32_t shard_count() const noexcept;

    /// Checks every structural invariant (each entry in one table, one policy queue, at most one wheel slot; weights
    /// and counts add up); the text of the first violation, or empty. For tests: takes every lock in turn.
    std::string check_invariants() const;

private:
    struct Shards; ///< side by side in memory
    struct Taps;   ///< who hears of samples of keys

    bool is_tapped(std::uint64_t hash) const noexcept;
    EntryPtr look(KeyRef key) noexcept;
    bool drop_dead(EntryPtr& dead) noexcept;
    void count_miss() noexcept;

    const std::function<void(const detail::Entry&, RemovalCause)> on_removal_;
    const spi::Clock& clock_;
    const bool slides_;
    std::atomic<bool> expires_entries_{false};
    const std::unique_ptr<HitCounts> counts_;
    const std::unique_ptr<Shards> shards_;
    mutable std::atomic<std::uint64_t> tapped_below_{0}; ///< the largest sample that somebody hears of: see is_sampled
    const std::unique_ptr<Taps> taps_;                   ///< null: nobody does
};

} // namespace tiercel::memory
