#include "case_file.hpp"

#include <algorithm>
#include <optional>

namespace tiercel::simulation {

namespace {

/// One key's result of one read, and what it is judged by.
struct Read {
    std::size_t operation;
    std::size_t life;
    Key key;
    const KeyResult& result;
    Moment begin, end;
};

nanoseconds accepted(const CaseFile& file, const Read& read) {
    return accepted_staleness(file.history.lives[read.life], file.history.operations[read.operation]);
}

/// How much later than its time to live a value may be seen: what the processes' clocks are apart, for each tier that
/// it may have come through; but servers that tell the life left bound that to what an answer takes.
nanoseconds tolerance(const CaseFile& file, const Read& read) {
    const auto& history = file.history;
    if (history.clock_spread == nanoseconds::zero()) return nanoseconds::zero();
    const auto tiers = static_cast<std::int64_t>(history.lives[read.life].servers.size());
    const auto apart = history.clock_spread * tiers;
    // How much longer than its life a value is kept is told in whole seconds; and a lease has a life of its own.
    const auto& life = history.lives[read.life];
    const bool rounded = life.stale_keep % std::chrono::seconds(1) != nanoseconds::zero();
    if (!history.every_tier_reads_ttl || rounded || life.lease_ttl > nanoseconds::zero()) return apart;
    const auto trip = file.longest_way_to_a_server(read.result.value) + std::chrono::milliseconds(2);
    return std::min(apart, file.tier_patience(read.life) + trip * tiers);
}

/// When the value that was born so is dead for this reader; empty: never.
std::optional<nanoseconds> death_of(const CaseFile& file, const Birth& birth, bool absent) {
    const auto& life = file.history.lives[birth.life];
    if (absent) return birth.end.at + birth.ttl.value_or(life.negative_ttl);
    const auto ttl = birth.ttl ? birth.ttl : life.ttl;
    if (!ttl) return std::nullopt;
    // Without a writer a put lives from when its turn came.
    if (birth.kind == Birth::Kind::put && !life.has_writer) return std::nullopt;
    return birth.end.at + *ttl;
}

/// Whether a tier has lost what a put, this one or a later one, had it store, and said nothing: then the older value is
/// still there, and the fence against it is thought to be needed no more.
bool was_lost(const CaseFile& file, const Read& read, const Move& move) {
    if (file.options.after_lost_writes) return false;
    const auto& calls = file.calls(read.life, read.key);
    return std::any_of(calls.begin(), calls.end(), [&](std::size_t index) {
        const auto& call = file.history.server_calls[index];
        return call.kind == ServerCall::Kind::put && call.ok && call.faulty && move.begin.before(call.begin) &&
               call.begin.before(read.end);
    });
}

/// Whether a tier without leases may have taken the value of this birth at any time: nobody told its process.
bool may_land_late(const CaseFile& file, std::size_t born) {
    const auto& birth = file.history.births[born];
    const auto& calls = file.calls(birth.life, birth.key);
    return std::any_of(calls.begin(), calls.end(), [&](std::size_t index) {
        const auto& call = file.history.server_calls[index];
        return call.kind == ServerCall::Kind::put && !call.conditional && !call.ok &&
               call.value == value_of(birth.key, born);
    });
}

/// The move that should have kept a value of this birth from the reader; null if none.
const Move* broken_by(const CaseFile& file, const Read& read, std::size_t born) {
    const auto& birth = file.history.births[born];
    const bool own = birth.life == read.life;
    // With leases another process's load stores nothing that an invalidation has overtaken; its put may.
    const bool fenced =
        !own && file.history.fences_fleet && birth.kind == Birth::Kind::load && !may_land_late(file, born);
    if (!own && !fenced && !file.options.across_processes) return nullptr;
    const nanoseconds doubt = own ? nanoseconds::zero() : file.history.clock_spread + std::chrono::milliseconds(1);
    for (const auto& move : file.moves(read.life, read.key)) {
        if (!move.certain || !move.end || !move.end.before(read.begin)) continue;
        if (move.act == Act::put && move.birth == born) continue;
        if (was_lost(file, read, move)) continue;
        const bool is_put = birth.kind == Birth::Kind::put;
        if (move.by_version) {
            if (birth.source_version >= move.version) continue;
            const auto& committed = file.history.births[move.birth].committed;
            if (own ? birth.begin.before(committed) : birth.begin.at + doubt < committed.at) return &move;
            continue;
        }
        // A put's place in time is when the source had spoken; without a source, somewhere before it ended.
        Moment place = birth.begin;
        if (is_put) {
            const bool has_writer = file.history.lives[birth.life].has_writer;
            place = has_writer ? birth.end : Moment{};
            if (!has_writer) {
                for (const auto index : file.operations(birth.life, birth.key)) {
                    const auto& operation = file.history.operations[index];
                    if (std::count(operation.births.begin(), operation.births.end(), born) == 0) continue;
                    if (!operation.results.empty() && operation.results.front().kind == KeyResult::Kind::done)
                        place = operation.end; // else it goes on
                }
            }
            if (!place) continue;
        }
        if (own ? place.before(move.begin) : place.at + doubt < move.begin.at) return &move;
    }
    return nullptr;
}

void judge_memory_cap(CaseFile& file, const Read& read) {
    const auto& cap = file.history.lives[read.life].max_memory_ttl;
    if (!cap || read.result.source.kind != Source::Kind::memory) return;
    const auto past = read.result.stale == StaleReason::fresh ? nanoseconds::zero() : accepted(file, read);
    const auto earliest = read.begin.at - *cap - past;
    const auto in_time = [&](const Moment& moment) {
        return moment && moment.at >= earliest && moment.at <= read.end.at;
    };
    const auto born = birth_of(read.result.value);
    const auto& birth = file.history.births[born];
    if (birth.life == read.life && in_time(birth.end)) return;
    for (const auto index : file.operations(read.life, read.key)) {
        const auto& operation = file.history.operations[index];
        if (operation.act == Act::put && in_time(operation.end)) return;
    }
    for (const auto index : file.calls(read.life, read.key)) {
        const auto& call = file.history.server_calls[index];
        if (call.kind == ServerCall::Kind::get && call.value == read.result.value && in_time(call.end)) return;
    }
    file.report(5, file.name(read.operation) + " found " + file.name_of_birth(born) +
                       " in memory, where it came to more than the memory tier's max_ttl ago");
}

/// The value is known to be of this key, and of a birth that there was.
void judge_value(CaseFile& file, const Read& read) {
    const auto born = birth_of(read.result.value);
    const auto& birth = file.history.births[born];
    const auto who = file.name(read.operation) + " returned " + file.name_of_birth(born);
    if (birth.kind == Birth::Kind::put && file.history.lives[birth.life].has_writer &&
        (!birth.committed || !birth.committed.before(read.end))) {
        file.report(11, who + ", which the source had not taken by then");
    }
    if (const auto* move = broken_by(file, read, born)) {
        file.report(1, who + ", though " + file.name(move->operation) + " had moved the key's epoch since" +
                           (move->by_version ? " and put version " + std::to_string(move->version) : ""));
    }
    const auto past = read.result.stale == StaleReason::fresh ? nanoseconds::zero() : accepted(file, read);
    const auto dies = death_of(file, birth, false);
    const auto last = dies ? *dies + past + tolerance(file, read) : nanoseconds::max();
    if (past == nanoseconds::zero() ? read.begin.at >= last : read.begin.at > last) {
        file.report(4, who + ", whose time to live ended at " + text_of({0, *dies}) +
                           (past == nanoseconds::zero() ? "" : ", longer ago than it accepts"));
    }
    if (birth.kind == Birth::Kind::load) {
        if (!birth.cacheable && birth.end.before(read.begin))
            file.report(10, who + ", which its loader said not to cache, after that load had ended");
        if (read.result.source.kind == Source::Kind::loader && birth.end.before(read.begin))
            file.report(2, who + " as loaded for it, but that load was over before it began");
    }
    judge_memory_cap(file, read);
}

/// Some answer "no such thing" of the source's must explain this one.
void judge_absence(CaseFile& file, const Read& read) {
    std::string why = "no load of it had found it absent";
    const auto& history = file.history;
    for (std::size_t i = 0; i < history.births.size(); ++i) {
        const auto& birth = history.births[i];
        if (birth.key != read.key || birth.outcome != Birth::Outcome::absent || !birth.end.before(read.end)) continue;
        const bool joined = read.begin.before(birth.end);
        if (!joined && !birth.cacheable) {
            why = file.name_of_birth(i) + " was not to be cached";
            continue;
        }
        if (const auto dies = death_of(file, birth, true);
            !joined && (read.begin.at >= *dies + tolerance(file, read) || *dies == birth.end.at)) {
            why = file.name_of_birth(i) + " was to be remembered until " + text_of({0, *dies}) + " only";
            continue;
        }
        if (const auto* move = broken_by(file, read, i)) {
            why = file.name_of_birth(i) + " was out after " + file.name(move->operation);
            continue;
        }
        return;
    }
    file.report(10, file.name(read.operation) + " was told that k" + std::to_string(read.key) + " is absent: " + why);
}

} // namespace

void judge_values(CaseFile& file) {
    const auto& history = file.history;
    for (std::size_t i = 0; i < history.operations.size(); ++i) {
        const auto& operation = history.operations[i];
        if (operation.act != Act::get && operation.act != Act::get_or_load) continue;
        for (std::size_t k = 0; k < operation.results.size(); ++k) {
            const Read read{i, operation.life, operation.keys[k], operation.results[k], operation.begin, operation.end};
            if (read.result.kind == KeyResult::Kind::absent) judge_absence(file, read);
            if (read.result.kind != KeyResult::Kind::value) continue;
            const auto value = read.result.value;
            if (birth_of(value) >= history.births.size() || history.births[birth_of(value)].key != key_of(value)) {
                file.report(12, file.name(i) + " returned " + std::to_string(value) + ", which nobody ever made");
            } else if (key_of(value) != read.key) {
                file.report(3, file.name(i) + " was given for k" + std::to_string(read.key) + " a value of k" +
                                   std::to_string(key_of(value)) + ", " + file.name_of_birth(birth_of(value)));
            } else {
                judge_value(file, read);
            }
        }
    }
}

} // namespace tiercel::simulation
