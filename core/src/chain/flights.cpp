#include "flights.hpp"

#include "planted_bug.hpp"

#include <algorithm>
#include <iterator>

namespace tiercel::chain {

Flights::Flights(detail::KeyEqual equal) {
    for (auto& stripe : stripes_)
        stripe = std::make_unique<Stripe>(equal);
}

void Flights::add(Table& table, const FlightPtr& flight) {
    table[flight->probe->ref()].push_back(flight);
}

/// One that is late is given up on the way.
FlightPtr Flights::joinable(const Stripe& stripe, detail::KeyRef key, FlightKind kind, SteadyTime now) {
    const auto place = stripe.flights.find(key);
    if (place == stripe.flights.end()) return nullptr;
    for (const auto& flight : place->second) {
        if (flight->kind != kind || planted(Bug::flights_are_not_shared)) continue;
        if (flight->superseded.load(std::memory_order_relaxed) != 0 && !planted(Bug::superseded_flight_is_joined))
            continue;
        if (flight->abandon_at > now || planted(Bug::abandoned_flight_is_joined)) return flight;
        flight->superseded.store(1, std::memory_order_relaxed);
    }
    return nullptr;
}

Flights::Joined Flights::join(const detail::EntryPtr& probe, FlightKind kind, SteadyTime now, SteadyTime abandon_at,
                              Waiter waiter) {
    auto& stripe = stripe_of(probe->hash);
    const std::lock_guard lock(stripe.mutex);
    auto flight = joinable(stripe, probe->ref(), kind, now);
    const bool owner = flight == nullptr;
    if (owner) {
        flight = std::make_shared<Flight>(probe, kind, abandon_at, false);
        add(stripe.flights, flight);
        size_.fetch_add(1);
    } else {
        if (waiter.strictness == Strictness::strict && flight->tier_failure) {
            return {flight, false, flight->tier_failure};
        }
        if (flight->at_once) {
            if (const auto fallback = waiter.fallback(flight->fallback, now); fallback.entry) {
                return {flight, false, std::nullopt, fallback.answer(*flight->at_once, now)};
            }
        }
        joined_.fetch_add(1, std::memory_order_relaxed);
    }
    flight->waiters.push_back(std::move(waiter));
    waiting_.fetch_add(1, std::memory_order_relaxed);
    return {std::move(flight), owner, std::nullopt};
}

FlightPtr Flights::begin_refresh(const detail::EntryPtr& probe, SteadyTime now, SteadyTime abandon_at,
                                 std::size_t most) {
    if (background_.load(std::memory_order_relaxed) >= most) return nullptr; // a few more or less do no harm
    auto& stripe = stripe_of(probe->hash);
    const std::lock_guard lock(stripe.mutex);
    const auto under_way = joinable(stripe, probe->ref(), FlightKind::load, now);
    if (under_way && !planted(Bug::refresh_is_not_shared)) return nullptr;
    auto flight = std::make_shared<Flight>(probe, FlightKind::load, abandon_at, true);
    background_.fetch_add(1, std::memory_order_relaxed);
    add(stripe.flights, flight);
    size_.fetch_add(1);
    return flight;
}

std::optional<std::vector<Waiter>> Flights::offer(const FlightPtr& flight, const Fallback& fallback, SteadyTime now) {
    const std::lock_guard lock(stripe_of(flight->probe->hash).mutex);
    if (flight->over) return std::nullopt;
    if (flight->fallback.entry && flight->fallback.entry->version >= fallback.entry->version) return std::nullopt;
    flight->fallback = fallback;
    std::vector<Waiter> accepting;
    std::copy_if(flight->waiters.begin(), flight->waiters.end(), std::back_inserter(accepting),
                 [&](const Waiter& waiter) { return fallback.is_within(waiter.max_staleness, now); });
    return accepting;
}

Flights::Served Flights::serve_stale(const FlightPtr& flight, StaleReason reason, SteadyTime now) {
    const std::lock_guard lock(stripe_of(flight->probe->hash).mutex);
    if (flight->over) return {};
    flight->at_once = reason;
    Served served;
    std::vector<Waiter> waiting;
    for (auto& waiter : flight->waiters) {
        if (const auto fallback = waiter.fallback(flight->fallback, now); fallback.entry) {
            served.emplace_back(std::move(waiter), fallback.answer(reason, now));
        } else {
            waiting.push_back(std::move(waiter));
        }
    }
    flight->waiters = std::move(waiting);
    waiting_.fetch_sub(served.size(), std::memory_order_relaxed);
    return served;
}

bool Flights::abandon_unless_awaited(const FlightPtr& flight) {
    auto& stripe = stripe_of(flight->probe->hash);
    const std::lock_guard lock(stripe.mutex);
    if (!flight->waiters.empty()) return false;
    take_off(stripe, flight);
    return true;
}

FlightPtr Flights::begin_write(const detail::EntryPtr& probe) {
    auto& stripe = stripe_of(probe->hash);
    auto flight = std::make_shared<Flight>(probe, FlightKind::write, SteadyTime::max(), false);
    const std::lock_guard lock(stripe.mutex);
    add(stripe.flights, flight);
    size_.fetch_add(1);
    return flight;
}

std::vector<Waiter> Flights::fail_strict(const FlightPtr& flight, const Error& error) {
    auto& stripe = stripe_of(flight->probe->hash);
    const std::lock_guard lock(stripe.mutex);
    if (!flight->tier_failure) flight->tier_failure = error;
    auto& waiters = flight->waiters;
    const auto strict = std::stable_partition(waiters.begin(), waiters.end(), [](const Waiter& waiter) {
        return waiter.strictness != Strictness::strict && !planted(Bug::strict_failure_hits_lenient);
    });
    std::vector<Waiter> refused(std::make_move_iterator(strict), std::make_move_iterator(waiters.end()));
    waiters.erase(strict, waiters.end());
    waiting_.fetch_sub(refused.size(), std::memory_order_relaxed);
    const bool heedless = planted(Bug::strict_failure_ends_flight) && !refused.empty();
    if (heedless || (waiters.empty() && !flight->background && !flight->at_once)) {
        flight->wanted.store(false, std::memory_order_relaxed);
        take_off(stripe, flight);
    }
    return refused;
}

std::vector<Waiter> Flights::finish(const FlightPtr& flight) {
    auto& stripe = stripe_of(flight->probe->hash);
    const std::lock_guard lock(stripe.mutex);
    if (!take_off(stripe, flight)) return {};
    auto waiters = std::move(flight->waiters);
    waiting_.fetch_sub(waiters.size(), std::memory_order_relaxed);
    if (planted(Bug::followers_are_not_woken) && waiters.size() > 1) waiters.erase(waiters.begin() + 1, waiters.end());
    return waiters;
}

bool Flights::take_off(Stripe& stripe, const FlightPtr& flight) {
    const auto place = stripe.flights.find(flight->probe->ref());
    if (place == stripe.flights.end()) return false;
    auto& of_key = place->second;
    const auto at = std::find(of_key.begin(), of_key.end(), flight);
    if (at == of_key.end()) return false;
    flight->over = true;
    if (planted(Bug::finished_flight_stays)) return true;
    if (flight->background) background_.fetch_sub(1, std::memory_order_relaxed);
    of_key.erase(at);
    if (of_key.empty()) {
        stripe.flights.erase(place);
    } else if (place->first.object == flight->probe->key()) {
        auto rest = std::move(of_key);
        stripe.flights.erase(place);
        const auto key = rest.front()->probe->ref();
        stripe.flights.emplace(key, std::move(rest));
    }
    size_.fetch_sub(1);
    return true;
}

void Flights::supersede(detail::KeyRef key, const Flight* except) {
    if (size() == 0) return; // whatever begins meanwhile begins later
    if (planted(Bug::epoch_does_not_move)) return;
    auto& stripe = stripe_of(key.hash);
    const std::lock_guard lock(stripe.mutex);
    const auto place = stripe.flights.find(key);
    if (place == stripe.flights.end()) return;
    for (const auto& flight : place->second) {
        if (flight.get() != except) flight->superseded.store(1, std::memory_order_relaxed);
    }
}

void Flights::supersede_all() {
    if (planted(Bug::clear_leaves_flights)) return;
    for (auto& stripe : stripes_) {
        const std::lock_guard lock(stripe->mutex);
        for (auto& [key, flights] : stripe->flights) {
            for (const auto& flight : flights)
                flight->superseded.store(1, std::memory_order_relaxed);
        }
    }
}

} // namespace tiercel::chain
