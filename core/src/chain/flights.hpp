#pragma once

#include "operation.hpp"

#include <tiercel/detail/engine.hpp>

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::chain {

using ReadOperation = Operation<detail::Answer>;

/// A place in a caller's operation that waits for a flight.
struct Waiter {
    std::shared_ptr<ReadOperation> operation;
    std::size_t index = 0;
    Strictness strictness = Strictness::lenient;
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
struct Flight {
    Flight(detail::EntryPtr flight_probe, FlightKind flight_kind, SteadyTime flight_abandon_at)
        : probe(std::move(flight_probe)), kind(flight_kind), abandon_at(flight_abandon_at) {}

    const detail::EntryPtr probe;
    const FlightKind kind;
    const SteadyTime abandon_at; ///< afterwards the key is free for another flight
    std::atomic<std::uint64_t> superseded{0};
    /// False once a tier's failure has ended it: all who waited were strict.
    std::atomic<bool> wanted{true};
    // Guarded by the table:
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
        bool owner = false;          ///< the caller made it, and must see it through
        std::optional<Error> failed; ///< of a strict waiter, who did not join: a tier has failed already
    };

    /// Joins the flight for this key if there is one of this kind (or, for a lookup, none), else begins it.
    Joined join(const detail::EntryPtr& probe, FlightKind kind, SteadyTime now, SteadyTime abandon_at, Waiter waiter);

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
    /// False if it was off already.
    bool take_off(Stripe& stripe, const FlightPtr& flight);

    std::array<std::unique_ptr<Stripe>, 16> stripes_;
    std::atomic<std::uint64_t> size_{0};
    std::atomic<std::uint64_t> waiting_{0};
    std::atomic<std::uint64_t> joined_{0};
};

} // namespace tiercel::chain
