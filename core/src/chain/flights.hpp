#pragma once

#include "operation.hpp"
#include "planted_bug.hpp"

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
#include <optional>
#include <utility>
#include <vector>

namespace tiercel::chain {

using ReadOperation = Operation<detail::Answer>;

/// A value past its life, or soon to be, for who would rather have that than wait or fail.
struct Fallback {
    detail::EntryPtr entry; ///< with a value and an expiry; null: none
    Source source;

    /// Whether it will do for who allows that much staleness. A fresh one does for all.
    bool is_within(std::chrono::nanoseconds max_staleness, SteadyTime now) const noexcept {
        if (!entry) return false;
        const auto staleness = detail::to_nanos(now) - entry->expires;
        return staleness < 0 || (max_staleness.count() > 0 && staleness <= max_staleness.count());
    }
    /// The last moment at which it will do.
    SteadyTime until(std::chrono::nanoseconds max_staleness) const noexcept {
        return SteadyTime(std::chrono::nanoseconds(entry->expires) + max_staleness);
    }
    detail::Answer answer(StaleReason reason, SteadyTime now) const {
        const bool is_fresh = entry->expires > detail::to_nanos(now) || planted(Bug::stale_is_called_fresh);
        return {entry, source, is_fresh ? StaleReason::fresh : reason};
    }
};

/// A place in a caller's operation that waits for a flight.
struct Waiter {
    std::shared_ptr<ReadOperation> operation;
    std::size_t index = 0;
    Strictness strictness = Strictness::lenient;
    std::chrono::nanoseconds max_staleness{}; ///< 0: nothing stale
    Fallback own = {};                        ///< what it found in memory itself: nobody else's, see Flight

    /// The newer of that and the flight's that will do; without an entry if neither does.
    Fallback fallback(const Fallback& flights, SteadyTime now) const {
        const bool flights_will_do = flights.is_within(max_staleness, now);
        const bool own_will_do = own.is_within(max_staleness, now);
        if (flights_will_do && (!own_will_do || flights.entry->version >= own.entry->version)) return flights;
        return own_will_do ? own : Fallback{};
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
/// `fallback` is the newest value past its life that this flight has met in a tier, and believed there: after whatever
/// moved the epoch before it began. What memory kept is each waiter's own: one who looked before an invalidation and
/// joined after it must not hand it to others. A waiter has the newer of the two that will do for it, when the flight
/// fails; or at once, those who come later included, from serve_stale() on.
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
    Fallback fallback;
    std::optional<StaleReason> at_once; ///< why fallbacks are given at once; empty: they are not
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
        bool owner = false;                     ///< the caller made it, and must see it through
        std::optional<Error> failed;            ///< of a strict waiter, who did not join: a tier has failed already
        std::optional<detail::Answer> answer{}; ///< the waiter did not join: it has this at once
    };

    /// Joins the flight for this key if there is one of this kind (or, for a lookup, none), else begins it.
    Joined join(const detail::EntryPtr& probe, FlightKind kind, SteadyTime now, SteadyTime abandon_at, Waiter waiter);

    /// Begins a load that nobody waits for; null if there is one that could be joined, or `most` of this kind are
    /// there.
    FlightPtr begin_refresh(const detail::EntryPtr& probe, SteadyTime now, SteadyTime abandon_at, std::size_t most);

    /// A tier has a value past its life, or soon to be. Nothing if the flight has as new a fallback, or is off the
    /// table. Else gives those for whom it will do, who wait on.
    std::optional<std::vector<Waiter>> offer(const FlightPtr& flight, const Fallback& fallback, SteadyTime now);

    /// From now on who has a fallback gets it at once: gives those among the waiters, who wait no more, with it.
    using Served = std::vector<std::pair<Waiter, detail::Answer>>;
    Served serve_stale(const FlightPtr& flight, StaleReason reason, SteadyTime now);

    /// Takes the flight off the table if nobody waits for it.
    bool abandon_unless_awaited(const FlightPtr& flight);

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
    std::atomic<std::uint64_t> background_{0};
    std::atomic<std::uint64_t> waiting_{0};
    std::atomic<std::uint64_t> joined_{0};
};

} // namespace tiercel::chain
