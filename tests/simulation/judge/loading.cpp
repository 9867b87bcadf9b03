#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// Whether the key's epoch may have moved from the beginning of the flights of two loads until the second load began.
bool moved_between(const CaseFile& file, const Birth& one, const Birth& two) {
    const auto& moves = file.moves(one.life, one.key);
    const auto began = std::min(one.flight_began, two.flight_began);
    return std::any_of(moves.begin(), moves.end(), [&](const Move& move) {
        return move.begin.at <= two.begin.at && (!move.end || move.act == Act::put || move.end.at >= began);
    });
}

bool is_over(const Birth& load, const Birth& next) {
    return (load.end && load.end.before(next.begin)) || load.deadline <= next.begin.at;
}

void judge_pair(CaseFile& file, std::size_t first, std::size_t second) {
    const auto& one = file.history.births[first];
    const auto& two = file.history.births[second];
    const auto& life = file.history.lives[one.life];
    if (!is_over(one, two)) {
        if (!moved_between(file, one, two)) {
            file.report(2, "k" + std::to_string(one.key) + " was loaded twice at once: " + file.name_of_birth(first) +
                               " and " + file.name_of_birth(second) + ", and nothing moved its epoch");
        }
        return;
    }
    const bool kept = one.end && one.cacheable && one.end.at <= one.deadline &&
                      (one.outcome == Birth::Outcome::value || one.outcome == Birth::Outcome::absent);
    if (!kept || life.evictions != 0 || one.end.at >= two.flight_began || one.end.at == one.deadline) return;
    if (life.refresh_early > 0) return;
    auto kept_for = least_life(life, one);
    if (life.refresh_ahead > 0 && kept_for != nanoseconds::max())
        kept_for =
            nanoseconds(static_cast<nanoseconds::rep>(static_cast<double>(kept_for.count()) * life.refresh_ahead));
    if (kept_for != nanoseconds::max() && two.flight_began >= one.end.at + kept_for) return;
    if (moved_between(file, one, two)) return;
    if (may_be_replaced(file, first, two.begin.at)) return;
    if (was_asked_past_memory(file, one) || was_asked_past_memory(file, two)) return;
    const auto* closing = file.closing(one.life);
    if (closing != nullptr && closing->begin.before(two.begin)) return;
    file.report(2, "k" + std::to_string(one.key) + " was loaded by " + file.name_of_birth(second) +
                       ", though memory had it from " + file.name_of_birth(first));
}

} // namespace

bool was_asked_past_memory(const CaseFile& file, const Birth& load) {
    const auto& operations = file.operations(load.life, load.key);
    return std::any_of(operations.begin(), operations.end(), [&](std::size_t index) {
        const auto& operation = file.history.operations[index];
        return operation.skips_memory && operation.begin.at <= load.end.at &&
               (!operation.end || operation.end.at >= load.flight_began);
    });
}

nanoseconds least_life(const Life& life, const Birth& load) {
    auto least = nanoseconds::max();
    if (load.outcome == Birth::Outcome::absent) {
        least = load.ttl.value_or(life.negative_ttl);
    } else if (const auto ttl = load.ttl ? load.ttl : life.ttl) {
        least = nanoseconds(static_cast<nanoseconds::rep>(static_cast<double>(ttl->count()) * (1 - life.jitter)));
    }
    if (life.max_memory_ttl) least = std::min(least, *life.max_memory_ttl);
    return least;
}

bool may_be_replaced(const CaseFile& file, std::size_t load, nanoseconds until) {
    const auto& birth = file.history.births[load];
    const auto& calls = file.calls(birth.life, birth.key);
    return std::any_of(calls.begin(), calls.end(), [&](std::size_t index) {
        const auto& call = file.history.server_calls[index];
        return call.kind == ServerCall::Kind::get && (call.negative || call.value != 0) &&
               call.value != value_of(birth.key, load) && call.end && call.end.at >= birth.end.at &&
               call.end.at <= until;
    });
}

void judge_loading(CaseFile& file) {
    const auto& births = file.history.births;
    for (std::size_t i = 0; i < births.size(); ++i) {
        if (births[i].kind != Birth::Kind::load) continue;
        const auto& of_key = file.births(births[i].life, births[i].key);
        // With the next load only: a third is the second's matter.
        const auto next = std::find_if(of_key.begin(), of_key.end(), [&](std::size_t other) {
            return other > i && births[other].kind == Birth::Kind::load;
        });
        if (next != of_key.end()) judge_pair(file, i, *next);
    }
}

} // namespace tiercel::simulation
