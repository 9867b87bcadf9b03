#include "case_file.hpp"

#include <algorithm>
#include <optional>

namespace tiercel::simulation {

namespace {

bool is_lookup(const Operation& operation) {
    return operation.act == Act::get || operation.act == Act::get_or_load;
}

/// Whether a load of the key failed, or ran out of time, from `from` to `until`; also if nobody can tell.
bool load_failed(const CaseFile& file, std::size_t index, Key key, nanoseconds from, nanoseconds until) {
    const auto& life = file.history.lives[index];
    // Where the time may be over before the loader is called, there is no birth.
    if (life.max_concurrent < 32 || life.lease_ttl > nanoseconds::zero()) return true;
    if (file.tier_patience(index) >= life.source_timeout) return true;
    const auto& births = file.births(index, key);
    return std::any_of(births.begin(), births.end(), [&](std::size_t number) {
        const auto& birth = file.history.births[number];
        if (birth.kind != Birth::Kind::load) return false;
        const bool said_so = birth.outcome == Birth::Outcome::error && birth.end.at >= from && birth.end.at <= until;
        const bool ran_out = birth.deadline >= from && birth.deadline <= until && //
                             (!birth.end || birth.end.at >= birth.deadline);
        return said_so || ran_out;
    });
}

bool may_be_the_reason(const CaseFile& file, std::size_t index, Key key, const KeyResult& result) {
    const auto& operation = file.history.operations[index];
    const auto& life = file.history.lives[operation.life];
    if (operation.act == Act::get) return result.stale == StaleReason::not_loaded;
    switch (result.stale) {
    case StaleReason::fresh:
        return true;
    case StaleReason::revalidating:
        return life.while_revalidate || life.refresh_ahead > 0 || life.refresh_early > 0;
    case StaleReason::load_failed:
        return load_failed(file, operation.life, key, operation.begin.at, operation.end.at);
    case StaleReason::retry_later: {
        // A flight that began while it was too early says so to those who join it afterwards, too.
        const auto flight_began = operation.begin.at - life.source_timeout;
        return load_failed(file, operation.life, key, flight_began - life.retry_after, operation.end.at);
    }
    case StaleReason::load_slow:
        return life.soft_timeout || life.lease_ttl > nanoseconds::zero() ||
               operation.end.at >= operation.begin.at + operation.timeout;
    case StaleReason::not_loaded:
        return false;
    }
    return false;
}

void judge_stale(CaseFile& file, std::size_t index, Key key, const KeyResult& result) {
    const auto& history = file.history;
    const auto& operation = history.operations[index];
    const auto& life = history.lives[operation.life];
    const auto accepted = accepted_staleness(life, operation);
    const auto born = birth_of(result.value);
    const auto& birth = history.births[born];
    const auto who = file.name(index) + " returned " + file.name_of_birth(born);
    if (accepted <= nanoseconds::zero()) {
        file.report(4, who + " as stale, though it accepts nothing stale");
        return;
    }
    if (result.staleness < nanoseconds::zero() || (operation.keys.size() == 1 && result.staleness > accepted)) {
        file.report(4, who + " as " + std::to_string(result.staleness.count()) + " ns past its life, and accepts " +
                           std::to_string(accepted.count()));
    }
    const bool put_without_writer = birth.kind == Birth::Kind::put && !history.lives[birth.life].has_writer;
    const auto ttl = birth.ttl ? birth.ttl : life.ttl;
    if (ttl && !life.max_memory_ttl && !put_without_writer) {
        const auto least = nanoseconds(static_cast<nanoseconds::rep>(static_cast<double>(ttl->count()) * //
                                                                     (1 - life.jitter)));
        const auto tiers = static_cast<std::int64_t>(life.servers.size());
        const auto doubt = history.clock_spread * tiers + std::chrono::milliseconds(2);
        if (operation.end.at + doubt < birth.end.at + least)
            file.report(4, who + " as stale, though its life was not over");
    }
    if (!may_be_the_reason(file, index, key, result)) {
        file.report(4, who + " as stale for a reason (" + std::to_string(static_cast<int>(result.stale)) +
                           ") that there was not");
    }
}

void judge_age(CaseFile& file, std::size_t index, const KeyResult& result) {
    const auto& history = file.history;
    const auto& operation = history.operations[index];
    const auto born = birth_of(result.value);
    const auto& birth = history.births[born];
    if (birth.kind == Birth::Kind::put && !history.lives[birth.life].has_writer) return;
    const auto tiers = static_cast<std::int64_t>(history.lives[operation.life].servers.size());
    const auto doubt = history.clock_spread * tiers + std::chrono::microseconds(10);
    const auto age = operation.end.at - birth.end.at;
    if (result.age <= age + doubt && result.age >= age - doubt) return;
    file.report(4, file.name(index) + " returned " + file.name_of_birth(born) + " as " +
                       std::to_string(result.age.count()) + " ns old, which was " + std::to_string(age.count()));
}

/// The load that memory surely has the value of, fresh or so much past its life at most, from one time to another.
std::optional<std::size_t> surely_in_memory(const CaseFile& file, std::size_t index, Key key, nanoseconds from,
                                            nanoseconds until, nanoseconds past) {
    const auto& history = file.history;
    const auto& life = history.lives[index];
    if (life.evictions != 0) return std::nullopt;
    std::optional<std::size_t> latest;
    for (const auto number : file.births(index, key)) {
        const auto& birth = history.births[number];
        if (birth.kind != Birth::Kind::load || birth.outcome != Birth::Outcome::value) continue;
        if (!birth.cacheable || !birth.end || birth.end.at >= from || birth.end.at >= birth.deadline) continue;
        latest = number;
    }
    if (!latest) return std::nullopt;
    const auto& birth = history.births[*latest];
    const auto lives_for = least_life(life, birth);
    if (lives_for != nanoseconds::max() && until >= birth.end.at + lives_for + past) return std::nullopt;
    if (was_asked_past_memory(file, birth) || may_be_replaced(file, *latest, until)) return std::nullopt;
    const auto& moves = file.moves(index, key);
    for (const auto& move : moves) {
        const bool over = move.end && move.act != Act::put && move.end.at < birth.flight_began;
        if (move.begin.at <= until && !over) return std::nullopt;
    }
    // Another load may have put something else in its place, or drop it.
    for (const auto number : file.births(index, key)) {
        const auto& other = history.births[number];
        if (number == *latest || other.kind != Birth::Kind::load) continue;
        if (other.outcome == Birth::Outcome::error || !other.end || other.end.at >= other.deadline) continue;
        if (other.end.at >= birth.flight_began && other.end.at <= until) return std::nullopt;
    }
    const auto* closing = file.closing(index);
    if (closing != nullptr && closing->begin.at <= until) return std::nullopt;
    return latest;
}

/// A lookup whose memory has a value that it accepts fails in no case, and waits only where that was asked for.
void judge_withheld(CaseFile& file, std::size_t index) {
    const auto& operation = file.history.operations[index];
    const auto& life = file.history.lives[operation.life];
    const auto& result = operation.results.front();
    if (operation.keys.size() != 1 || operation.skips_memory || operation.strictness == Strictness::strict) return;
    const auto begin = operation.begin.at + operation.delay; // memory was looked into before that
    const auto accepted = accepted_staleness(life, operation);
    const auto key = operation.keys.front();
    const bool failed = (result.kind == KeyResult::Kind::error &&
                         (result.code == Errc::loader_failed || result.code == Errc::timeout)) ||
                        result.kind == KeyResult::Kind::miss;
    if (failed) {
        if (const auto had =
                surely_in_memory(file, operation.life, key, operation.begin.at, operation.end.at, accepted)) {
            file.report(4, file.name(index) + " got nothing, though memory had " + file.name_of_birth(*had) +
                               ", which it accepts");
        }
    }
    if (operation.act != Act::get_or_load || operation.end.at <= begin) return;
    if (life.soft_timeout && operation.end.at > begin + *life.soft_timeout) {
        if (const auto had =
                surely_in_memory(file, operation.life, key, operation.begin.at, operation.end.at, accepted)) {
            file.report(4, file.name(index) + " waited for longer than soft_timeout, though memory had " +
                               file.name_of_birth(*had));
        }
    }
    const auto at_once = life.while_revalidate && !life.max_memory_ttl ? accepted : nanoseconds::zero();
    if (const auto had = surely_in_memory(file, operation.life, key, operation.begin.at, begin, at_once)) {
        file.report(4, file.name(index) + " waited, though memory had " + file.name_of_birth(*had) +
                           ", which it was to have at once");
    }
}

/// Whether all who asked for the key at this time took what is stale.
bool all_accept(const CaseFile& file, std::size_t life, Key key, nanoseconds when) {
    const auto& operations = file.operations(life, key);
    return std::all_of(operations.begin(), operations.end(), [&](std::size_t index) {
        const auto& operation = file.history.operations[index];
        if (operation.begin.at > when || (operation.end && operation.end.at < when)) return true;
        return is_lookup(operation) && operation.require == Require::any && !operation.max_staleness &&
               !operation.skips_memory;
    });
}

/// After a load that failed its key is left alone for a while, if something stale will do.
void judge_retry(CaseFile& file, const Birth& load, std::size_t next) {
    const auto& again = file.history.births[next];
    const auto& life = file.history.lives[load.life];
    if (load.outcome != Birth::Outcome::error || load.end.at >= load.deadline || life.max_memory_ttl) return;
    if (again.flight_began <= load.end.at || again.flight_began >= load.end.at + life.retry_after) return;
    const auto when = again.flight_began;
    if (!all_accept(file, load.life, load.key, when) ||
        !surely_in_memory(file, load.life, load.key, when, when, life.stale_keep))
        return;
    file.report(4, file.name_of_birth(next) + " began less than retry_after after the load before it had failed at " +
                       text_of(load.end) + ", though memory had a stale value");
}

} // namespace

nanoseconds accepted_staleness(const Life& life, const Operation& operation) {
    if (operation.require == Require::fresh) return nanoseconds::zero();
    return std::min(operation.max_staleness.value_or(life.stale_keep), life.stale_keep);
}

void judge_staleness(CaseFile& file) {
    const auto& history = file.history;
    for (std::size_t i = 0; i < history.operations.size(); ++i) {
        const auto& operation = history.operations[i];
        if (!is_lookup(operation) || !operation.end || operation.results.empty()) continue;
        for (std::size_t k = 0; k < operation.results.size(); ++k) {
            const auto& result = operation.results[k];
            if (result.kind == KeyResult::Kind::absent && result.stale != StaleReason::fresh)
                file.report(4, file.name(i) + " was told of an absence as stale");
            if (result.kind != KeyResult::Kind::value || birth_of(result.value) >= history.births.size()) continue;
            if (result.stale != StaleReason::fresh) judge_stale(file, i, operation.keys[k], result);
            judge_age(file, i, result);
        }
        judge_withheld(file, i);
    }
    for (std::size_t i = 0; i < history.births.size(); ++i) {
        const auto& birth = history.births[i];
        if (birth.kind != Birth::Kind::load || history.lives[birth.life].stale_keep == nanoseconds::zero()) continue;
        const auto& of_key = file.births(birth.life, birth.key);
        const auto next = std::find_if(of_key.begin(), of_key.end(), [&](std::size_t other) {
            return other > i && history.births[other].kind == Birth::Kind::load;
        });
        if (next != of_key.end()) judge_retry(file, birth, *next);
    }
}

} // namespace tiercel::simulation
