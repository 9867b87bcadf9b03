#pragma once

#include "memory/adaptive_mutex.hpp"
#include "memory/departures.hpp"
#include "memory/expiry_rule.hpp"
#include "memory/policy.hpp"
#include "memory/store.hpp"
#include "memory/table.hpp"
#include "memory/timing_wheel.hpp"

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>

namespace tiercel::memory {

/// Of entries and of weight.
inline constexpr std::uint64_t no_bound = std::numeric_limits<std::uint64_t>::max();

struct ShardOptions {
    std::uint64_t max_entries; ///< inclusive; or no_bound
    std::uint64_t max_weight;  ///< likewise
    const PolicyKind* policy;
    const Policy* first; ///< the policy of the store's first shard, or null if this is the first
    ExpiryRule expiry;
    HoldsKey holds_key;
    const spi::Clock* clock;
};

/// A table, the policy and wheel of its entries, and the lock under which these change.
/// Thread safety: all members may be called concurrently.
///
/// Readers take no lock: they look in the table, check the deadline, count their use in the entry. Only for a policy
/// that asked to hear of uses (Uses::Told) is the lock taken on a hit; by then the entry may have left, so the table is
/// asked again. What a reader finds dead it leaves to drop_dead, under the lock; what it finds stale stays.
///
/// Invariants whenever the lock is free:
/// - every entry of the table is in the policy once, and in nothing else's policy hook;
/// - it is in the wheel once if it has a deadline, else not;
/// - `weight` is the sum of the entries' weights; it and their number are within the bounds, unless a set_bounds that
///   made these smaller has not yet ended;
/// - uses_ is what the policy asked for.
class alignas(128) Shard {
public:
    explicit Shard(const ShardOptions& options);

    /// Where readers look, in an Epochs::Pin.
    const Table& table() const noexcept { return held_.table; }

    /// Whether an entry of the table that the caller holds a reference to is fresh; then it is counted as a use. One
    /// that is not, nor kept, should be dropped.
    bool use(Entry& entry) noexcept {
        if ((expiry_.slides() || entry.expires != never) && !is_alive_when_used(entry)) return false;
        const auto most = uses_.count_to.load(std::memory_order_relaxed);
        const bool counted = most != 0 && entry.count_use(most);
        const auto told = uses_.told.load(std::memory_order_relaxed);
        if (told == Uses::Told::none) return true;
        const auto unheard = (entry.hash & uses_.sample.load(std::memory_order_relaxed)) | (counted ? 0 : 1);
        if (told == Uses::Told::all || unheard == 0) [[unlikely]]
            tell_policy(entry, told);
        return true;
    }

    /// Takes out an entry that was found dead; false if it had gone already, and another may stand in its place.
    bool drop_dead(Entry& entry, Departures& departures) noexcept;

    /// Whether an entry that use() refused is kept all the same, to be served as stale.
    bool keeps(const Entry& entry) const noexcept { return expiry_.keep_stale != 0 && !is_dead(entry); }

    EntryPtr peek(KeyRef key) const noexcept;
    EntryPtr use_stale(KeyRef key) noexcept;
    Insert insert(EntryPtr entry, const std::atomic<std::uint64_t>& fence, std::uint64_t began, Departures& departures);
    bool erase(KeyRef key, RemovalCause cause, Departures& departures) noexcept;
    void clear(RemovalCause cause, Departures& departures);
    void close(Departures& departures) noexcept;

    /// A bounded step of expiry; true if there may be more to do.
    bool expire(Nanos now, Departures& departures) noexcept;

    /// What is over the new bounds leaves: a bounded number of entries by one call; false if there are more.
    bool set_bounds(std::uint64_t max_entries, std::uint64_t max_weight, Departures& departures);

    /// The new policy takes the entries over in the order in which the old one would have let them go. O(entries).
    void set_policy(const PolicyKind& kind, const Policy* first, Departures& departures);

    /// For its siblings' making; valid until the next set_policy, clear or close.
    const Policy* policy() const noexcept { return held_.policy.get(); }

    /// Asks the policy again how it hears of uses.
    void ask_uses() noexcept;

    void add_to(StoreStats& stats) const;

    /// `belongs`: whether an entry of this hash is this shard's.
    std::string check_invariants(const std::function<bool(std::uint64_t hash)>& belongs) const;

private:
    /// What a clear takes away in one piece.
    struct Contents {
        Table table;
        std::unique_ptr<Policy> policy;
        std::unique_ptr<TimingWheel> wheel; ///< made for the first entry that can die
        std::uint64_t weight = 0;
        Nanos swept = 0; ///< at this time of the cheap clock an insert has swept, and inserts need not again

        void swap(Contents& other) noexcept;
        void depart(RemovalCause cause, Departures& departures) noexcept;
    };

    /// Policy::uses() where readers see it. Relaxed: a use heard of too early or too late costs one use of precision.
    struct SharedUses {
        std::atomic<std::uint8_t> count_to{0};
        std::atomic<Uses::Told> told{Uses::Told::none};
        std::atomic<std::uint64_t> sample{0};

        void set(const Uses& uses) noexcept;
    };

    std::unique_ptr<Policy> make_policy(const PolicyKind& kind, const Policy* first) const;
    void exchange_all(Contents& contents, RemovalCause cause) noexcept;
    Nanos now() const noexcept;
    bool is_outdated(const Entry& entry, const Entry& old) const noexcept;
    bool is_fresh(const Entry& entry) const noexcept;
    bool is_dead(const Entry& entry) const noexcept;
    bool has_room_for(std::uint64_t entries, std::uint64_t weight) const noexcept;
    void make_room_for(std::uint64_t entries, std::uint64_t weight, const Entry* spared,
                       Departures& departures) noexcept;
    void evict(const Entry* spared, Departures& departures) noexcept;
    void tell_policy(Entry& entry, Uses::Told told) noexcept;
    bool is_alive_when_used(Entry& entry) const noexcept;
    void mark_used(Entry& entry, Nanos time) const noexcept;
    bool is_surely_alive(const Entry& entry) const noexcept;
    void remove(Entry& entry, Exit why, RemovalCause cause, Departures& departures) noexcept;
    void leave(EntryPtr entry, RemovalCause cause, Departures& departures) noexcept;
    void sweep(Nanos now, std::uint32_t& budget, Departures& departures) noexcept;

    const ExpiryRule expiry_;
    const spi::Clock& clock_;
    SharedUses uses_;
    Contents held_; ///< the table's look-ups are anybody's; the rest, and all changes, are guarded by the mutex

    mutable AdaptiveMutex mutex_; ///< guards all below too
    ShardOptions options_;
    bool closed_ = false;
    StoreStats counts_; ///< hits, misses, entries and weight are not kept here
};

} // namespace tiercel::memory
