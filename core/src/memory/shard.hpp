#pragma once

#include "memory/departures.hpp"
#include "memory/expiry_rule.hpp"
#include "memory/policy.hpp"
#include "memory/store.hpp"
#include "memory/table.hpp"
#include "memory/timing_wheel.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace tiercel::memory {

struct ShardOptions {
    std::uint64_t max_entries; ///< inclusive; the largest number for no bound
    std::uint64_t max_weight;  ///< likewise
    const PolicyKind& policy;
    ExpiryRule expiry;
    KeyEqual key_equal;
    const spi::Clock& clock;
};

/// One lock and what it guards: a table, a policy, a wheel, and the counters.
/// Thread safety: all members may be called concurrently.
///
/// Invariants between calls:
/// - every entry of the table is in the policy once, and in nothing else's policy hook;
/// - it is in the wheel once if it has a deadline, else not;
/// - entries and weight are within the bounds, and `weight` is the sum of the entries' weights.
class alignas(64) Shard {
public:
    explicit Shard(const ShardOptions& options);

    EntryPtr find(const Lookup& lookup, Departures& departures) noexcept;
    EntryPtr peek(const Lookup& lookup) const noexcept;
    Insert insert(EntryPtr entry, std::uint64_t mixed, const std::atomic<std::uint64_t>& fence, std::uint64_t began,
                  Departures& departures);
    bool erase(const Lookup& lookup, RemovalCause cause, Departures& departures) noexcept;
    void clear(RemovalCause cause, Departures& departures);
    void close(Departures& departures) noexcept;

    /// A bounded step of expiry; true if there may be more to do.
    bool expire(Nanos now, Departures& departures) noexcept;

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

        void swap(Contents& other) noexcept;
        void depart(RemovalCause cause, Departures& departures) noexcept;
    };

    std::unique_ptr<Policy> make_policy() const;
    void exchange_all(Contents& contents, RemovalCause cause) noexcept;
    Nanos now() const noexcept;
    bool is_dead(const Entry& entry) const noexcept;
    bool is_full_for(std::uint64_t weight) const noexcept;
    void remove(Entry& entry, Exit why, RemovalCause cause, Departures& departures) noexcept;
    void leave(EntryPtr entry, RemovalCause cause, Departures& departures) noexcept;
    void sweep(Nanos now, std::uint32_t& budget, Departures& departures) noexcept;

    const ShardOptions options_;
    mutable std::mutex mutex_; ///< guards all below
    bool closed_ = false;
    Contents held_;
    Uses uses_;         ///< of the policy
    StoreStats counts_; ///< entries and weight are not kept here
};

} // namespace tiercel::memory
