#include "flights.hpp"

#include <algorithm>

namespace tiercel::chain {

Flights::Flights(detail::KeyEqual equal) {
    for (auto& stripe : stripes_)
        stripe = std::make_unique<Stripe>(equal);
}

void Flights::add(Table& table, const FlightPtr& flight) {
    table[flight->probe->ref()].push_back(flight);
}

Flights::Joined Flights::join(const detail::EntryPtr& probe, FlightKind kind, SteadyTime now, SteadyTime abandon_at,
                              Waiter waiter) {
    auto& stripe = stripe_of(probe->hash);
    const std::lock_guard lock(stripe.mutex);
    waiting_.fetch_add(1, std::memory_order_relaxed);
    const auto place = stripe.flights.find(probe->ref());
    if (place != stripe.flights.end()) {
        for (const auto& flight : place->second) {
            if (flight->kind != kind || flight->superseded.load(std::memory_order_relaxed) != 0) continue;
            if (flight->abandon_at <= now) {
                flight->superseded.store(1, std::memory_order_relaxed);
                continue;
            }
            flight->waiters.push_back(std::move(waiter));
            joined_.fetch_add(1, std::memory_order_relaxed);
            return {flight, false};
        }
    }
    auto flight = std::make_shared<Flight>(probe, kind, abandon_at);
    flight->waiters.push_back(std::move(waiter));
    add(stripe.flights, flight);
    size_.fetch_add(1, std::memory_order_relaxed);
    return {std::move(flight), true};
}

FlightPtr Flights::begin_write(const detail::EntryPtr& probe) {
    auto& stripe = stripe_of(probe->hash);
    auto flight = std::make_shared<Flight>(probe, FlightKind::write, SteadyTime::max());
    const std::lock_guard lock(stripe.mutex);
    add(stripe.flights, flight);
    size_.fetch_add(1, std::memory_order_relaxed);
    return flight;
}

std::vector<Waiter> Flights::finish(const FlightPtr& flight) {
    auto& stripe = stripe_of(flight->probe->hash);
    const std::lock_guard lock(stripe.mutex);
    const auto place = stripe.flights.find(flight->probe->ref());
    if (place == stripe.flights.end()) return {};
    auto& of_key = place->second;
    const auto at = std::find(of_key.begin(), of_key.end(), flight);
    if (at == of_key.end()) return {};
    of_key.erase(at);
    if (of_key.empty()) {
        stripe.flights.erase(place);
    } else if (place->first.object == flight->probe->key()) {
        auto rest = std::move(of_key);
        stripe.flights.erase(place);
        const auto key = rest.front()->probe->ref();
        stripe.flights.emplace(key, std::move(rest));
    }
    size_.fetch_sub(1, std::memory_order_relaxed);
    auto waiters = std::move(flight->waiters);
    waiting_.fetch_sub(waiters.size(), std::memory_order_relaxed);
    return waiters;
}

void Flights::supersede(detail::KeyRef key, const Flight* except) {
    auto& stripe = stripe_of(key.hash);
    const std::lock_guard lock(stripe.mutex);
    const auto place = stripe.flights.find(key);
    if (place == stripe.flights.end()) return;
    for (const auto& flight : place->second) {
        if (flight.get() != except) flight->superseded.store(1, std::memory_order_relaxed);
    }
}

void Flights::supersede_all() {
    for (auto& stripe : stripes_) {
        const std::lock_guard lock(stripe->mutex);
        for (auto& [key, flights] : stripe->flights) {
            for (const auto& flight : flights)
                flight->superseded.store(1, std::memory_order_relaxed);
        }
    }
}

} // namespace tiercel::chain
