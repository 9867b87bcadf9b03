#pragma once

#include "operation.hpp"

#include <tiercel/detail/engine.hpp>

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::chain {

using ReadOperation = Operation<detail::Answer>;

/// A value past its life, for who would rather have that than wait or fail.
struct Fallback {
    detail::EntryPtr entry; ///< with a value and an expiry
    Source source;
};

inline detail::Answer stale_answer(const Fallback& fallback, StaleReason reason) {
    return {fallback.entry, fallback.source, reason};
}

/// A place in a caller's operation that waits for a flight.
struct Waiter {
    std::shared_ptr<ReadOperation> operation;
    std::size_t index = 0;
    Strictness strictness = Strictness::lenient;
    std::chrono::nanoseconds max_staleness{}; ///< 0: nothing stale

    bool accepts(const Fallback& fallback, SteadyTime now) const noexcept {
        return max_staleness.count() > 0 && detail::to_nanos(now) - fallback.entry->expires <= max_staleness.count();
    }
};

enum class FlightKind : std::uint8_t {
    lookup, ///< memory was asked, the tiers are being asked
    load,   ///< the same, and the loader if need be
    write,  ///< a put is under way; nobody joins it
};

/// Work under way for one key.
///
/// `superseded` is the key's epoch, as this flight sees it: 0 while nothing has moved it since the flight began, 1
/// afterwards. Memory takes an entry only while it is 0, and reads it under the lock of the entry's shard. Whoever
/// moves the epoch stores 1 first and erases from memory afterwards (under the same lock), so that either the erase
/// finds the entry or the insert sees the 1. The lock orders the two; the atomic itself may be relaxed.
///
/// `fallback` is the newest stale value met so far; each waiter has it or not as it accepts. It is offered to those who
/// wait when the flight fails; or to all, those who come later included, once it is given `at_once`.
struct Flight {
    Flight(detail::EntryPtr flight_probe, FlightKind flight_kind, SteadyTime flight_abandon_at, bool in_background)
        : probe(std::move(flight_probe)), kind(flight_kind), background(in_background), abandon_at(flight_abandon_at) {}

    const detail::EntryPtr probe;
    const FlightKind kind;
    const bool background;       ///< to refresh: wanted though nobody waits
    const SteadyTime abandon_at; ///< afterwards the key is free for another flight
    std::atomic<std::uint64_t> superseded{0};
    /// False once a tier's failure has ended it: all who waited were strict.
    std::atomic<bool> wanted{true};
    // Guarded by the table, until the flight is off it; then nobody changes them.
    bool over = false; ///< off the table
    std::optional<Fallback> fallback;
    StaleReason at_once = StaleReason::fresh; ///< another than `fresh`: why it is given at once
    std::vector<Waiter> waiters;
    std::optional<Error> tier_failure; ///< the first one; strict callers want to hear of it, and only they
};

using FlightPtr = std::shared_ptr<Flight>;

/// All flights by key: at most one that can be joined of each kind, and any number of superseded or writing ones.
/// Thread safety: all members may be called concurrently; the keys are spread over mutexes held for O(1).
class Flights {
public:
    explicit Flights(detail::KeyEqual equal);

    struct Joined {
        FlightPtr flight;
        bool owner = false;              ///< the caller made it, and must see it through
        std::optional<Error> failed;     ///< of a strict waiter, who did not join: a tier has failed already
        std::optional<Fallback> stale{}; ///< the waiter did not join: this will do, for `reason`
        StaleReason reason = StaleReason::fresh;
    };

    /// Joins the flight for this key if there is one of this kind (or, for a lookup, none), else begins it.
    /// `stale`: what memory has, that the waiter accepts; or null.
    Joined join(const detail::EntryPtr& probe, FlightKind kind, SteadyTime now, SteadyTime abandon_at, Waiter waiter,
                detail::EntryPtr stale = nullptr);

    /// Begins a load that nobody waits for; null if there is one that could be joined.
    /// `stale`: what memory has.
    FlightPtr begin_refresh(const detail::EntryPtr& probe, SteadyTime now, SteadyTime abandon_at,
                            detail::EntryPtr stale);

    /// A stale value has been met. False if the flight has none older for a fallback, or is off the table. Else gives
    /// who accepts it of those who wait, and wait on.
    std::optional<std::vector<Waiter>> offer(const FlightPtr& flight, const Fallback& fallback, SteadyTime now);

    /// From now on who accepts the fallback gets it at once: gives those among the waiters, who wait no more.
    struct Served {
        std::vector<Waiter> waiters;
        Fallback fallback;
    };
    Served serve_stale(const FlightPtr& flight, StaleReason reason, SteadyTime now);

    /// A write's flight: never joined.
    FlightPtr begin_write(const detail::EntryPtr& probe);

    /// A tier failed: gives the strict waiters, who wait no more. Without others the flight is off the table, and not
    /// `wanted`.
    std::vector<Waiter> fail_strict(const FlightPtr& flight, const Error& error);

    /// Takes the flight off the table and gives those who wait for it. The second call gives nobody.
    std::vector<Waiter> finish(const FlightPtr& flight);

    /// Moves the epoch of a key: its flights can no longer be joined, nor fill memory. `except` keeps its epoch.
    void supersede(detail::KeyRef key, const Flight* except = nullptr);
    void supersede_all();

    std::uint64_t size() const noexcept { return size_.load(); }
    std::uint64_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
    std::uint64_t joined() const noexcept { return joined_.load(std::memory_order_relaxed); }

private:
    struct Hash {
        std::size_t operator()(const detail::KeyRef& key) const noexcept { return key.hash; }
    };
    struct Equal {
        detail::KeyEqual equal;
        bool operator()(const detail::KeyRef& a, const detail::KeyRef& b) const noexcept {
            return a.hash == b.hash && equal(a.object, b.object);
        }
    };
    using OfOneKey = boost::container::small_vector<FlightPtr, 1>;
    /// The key of a record views the probe of its first flight, and is renewed when that one leaves.
    using Table = boost::unordered_flat_map<detail::KeyRef, OfOneKey, Hash, Equal>;
    struct Stripe {
        explicit Stripe(detail::KeyEqual equal) : flights(0, Hash{}, Equal{equal}) {}
        std::mutex mutex;
        Table flights;
    };

    Stripe& stripe_of(std::uint64_t hash) noexcept { return *stripes_[(hash >> 48) % stripes_.size()]; }
    static void add(Table& table, const FlightPtr& flight);
    static FlightPtr joinable(const Stripe& stripe, detail::KeyRef key, FlightKind kind, SteadyTime now);
    /// False if it was off already.
    bool take_off(Stripe& stripe, const FlightPtr& flight);

    std::array<std::unique_ptr<Stripe>, 16> stripes_;
    std::atomic<std::uint64_t> size_{0};
    std::atomic<std::uint64_t> waiting_{0};
    std::atomic<std::uint64_t> joined_{0};
};

} // namespace tiercel::chain
