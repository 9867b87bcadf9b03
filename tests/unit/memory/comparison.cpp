#include "comparison.hpp"

#include "memory/timing_wheel.hpp"

namespace tiercel::memory::test {
namespace {

StoreOptions in_one_shard(StoreOptions options) {
    options.shards = 1;
    return options;
}

} // namespace

Comparison::Comparison(const StoreOptions& options)
    : real_(in_one_shard(options)), naive_(options.eviction.name(), options) {}

std::string Comparison::apply(const StoreOperation& operation) {
    using enum StoreOperation::Kind;
    real_.clock.advance(std::chrono::nanoseconds(operation.advance));
    seen_ = 0;
    departures_.clear();
    std::string difference;
    switch (operation.kind) {
    case find:
        difference = this->find(operation.key);
        break;
    case peek:
        if (real_.peek(operation.key) !=
            (naive_.holds(operation.key) && !naive_.is_dead(operation.key, real_.clock.nanos())))
            difference = "peek differs";
        break;
    case insert:
        difference = this->insert(operation);
        break;
    case erase:
        difference = this->erase(operation.key);
        break;
    case expire:
        difference = this->expire();
        break;
    case clear:
        difference = this->clear();
        break;
    }
    return difference.empty() ? nothing_more() : difference;
}

std::string Comparison::find(std::uint64_t key) {
    const bool found = real_.find(key);
    departures_ = real_.take_departures();
    if (naive_.holds(key) && naive_.is_dead(key, real_.clock.nanos())) {
        if (found) return "a dead entry was found";
        return drop_dead(key);
    }
    if (found != naive_.holds(key)) return found ? "an unexpected hit" : "an unexpected miss";
    if (found) naive_.hit(key, real_.clock.nanos());
    return {};
}

std::string Comparison::insert(const StoreOperation& operation) {
    const Nanos now = real_.clock.nanos();
    const std::uint64_t key = operation.key;
    const EntryFacts facts{key, operation.weight,
                           operation.time_to_live == never ? never : now + operation.time_to_live};
    const Insert outcome = real_.insert(facts);
    departures_ = real_.take_departures();
    if (!naive_.takes(facts.weight)) {
        if (outcome != Insert::too_heavy) return "too heavy an entry was not refused";
        if (!naive_.holds(key)) return {};
        if (naive_.is_dead(key, now)) return drop_dead(key);
        naive_.remove(key);
        return next_is(key, RemovalCause::size) ? "" : "what was replaced by too heavy an entry stayed";
    }
    if (outcome != Insert::stored) return "an insert was refused";

    while (follow_expired()) {
    }
    std::uint64_t uses = 1;
    if (naive_.holds(key)) {
        if (!next_is(key, RemovalCause::replaced)) return "no departure of the replaced entry";
        uses = naive_.remove(key).uses;
    }
    while (naive_.is_full_for(facts.weight)) {
        if (follow_expired()) continue;
        const std::uint64_t victim = naive_.victim();
        if (!next_is(victim, RemovalCause::size)) return "the victim is not " + std::to_string(victim);
        naive_.remove(victim);
    }
    naive_.insert(facts, uses, now);
    return {};
}

std::string Comparison::erase(std::uint64_t key) {
    const bool erased = real_.erase(key);
    departures_ = real_.take_departures();
    if (!naive_.holds(key)) return erased ? "an unknown key was erased" : "";
    if (naive_.is_dead(key, real_.clock.nanos())) return erased ? "a dead entry was erased" : drop_dead(key);
    naive_.remove(key);
    return erased && next_is(key, RemovalCause::explicit_) ? "" : "an entry was not erased";
}

std::string Comparison::expire() {
    real_.store.expire();
    departures_ = real_.take_departures();
    while (follow_expired()) {
    }
    for (const auto& [key, item] : naive_.items())
        if (naive_.deadline(item) <= real_.clock.nanos() - TimingWheel::tick)
            return std::to_string(key) + " outlived its deadline by a tick";
    return {};
}

std::string Comparison::clear() {
    real_.store.clear();
    departures_ = real_.take_departures();
    for (const Departure& departure : departures_) {
        if (!naive_.holds(departure.key) || departure.cause != RemovalCause::explicit_) return "clear differs";
        naive_.remove(departure.key);
        ++seen_;
    }
    return naive_.items().empty() ? "" : "clear left something";
}

std::string Comparison::drop_dead(std::uint64_t key) {
    naive_.remove(key);
    return next_is(key, RemovalCause::expired) ? "" : "a dead entry that was met did not leave";
}

/// Follows the store if the next departure is one of a dead entry.
bool Comparison::follow_expired() {
    if (seen_ == departures_.size()) return false;
    const Departure& next = departures_[seen_];
    if (next.cause != RemovalCause::expired || !naive_.holds(next.key)) return false;
    if (!naive_.is_dead(next.key, real_.clock.nanos())) return false;
    naive_.remove(next.key);
    ++seen_;
    return true;
}

bool Comparison::next_is(std::uint64_t key, RemovalCause cause) {
    if (seen_ == departures_.size()) return false;
    const Departure& next = departures_[seen_++];
    return next.key == key && next.cause == cause;
}

std::string Comparison::nothing_more() const {
    if (seen_ == departures_.size()) return {};
    const Departure& next = departures_[seen_];
    return "an unexpected departure of " + std::to_string(next.key) + ", " + std::string(to_string(next.cause));
}

std::string Comparison::compare_contents() {
    if (real_.store.stats().entries != naive_.items().size()) return "the numbers of entries differ";
    std::uint64_t weight = 0;
    for (const auto& [key, item] : naive_.items()) {
        weight += item.weight;
        if (real_.peek(key) == naive_.is_dead(key, real_.clock.nanos())) return "the contents differ";
    }
    if (real_.store.stats().weight != weight) return "the weights differ";
    return real_.store.check_invariants();
}

} // namespace tiercel::memory::test
