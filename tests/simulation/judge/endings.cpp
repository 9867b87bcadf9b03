#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// What is posted when a cache closes may run after it at the same moment of virtual time.
bool is_after(const Moment& moment, const Operation& closing) {
    return moment && closing.end && moment.at > closing.end.at;
}

/// Whether the cache gave up waiting for what was under way, and said so; or was destroyed, and could not.
bool left_behind(const Operation& closing) {
    return closing.destroys || closing.results.empty() || closing.results.front().kind != KeyResult::Kind::done;
}

void judge_pressure(CaseFile& file, std::size_t index, const Operation& closing) {
    const auto& life = file.history.lives[index];
    const auto who = "p" + std::to_string(life.process) + "/life " + std::to_string(index);
    const auto none = [&](std::uint64_t count, const char* what) {
        if (count != 0) file.report(13, who + " ended with " + std::to_string(count) + " " + what);
    };
    if (left_behind(closing)) return;
    none(life.flights, "flights");
    none(life.waiters, "waiters");
    none(life.source_calls, "calls of the source");
    none(life.source_queue, "queued calls");
    if (life.inserts != life.removals) {
        file.report(14, who + ": " + std::to_string(life.inserts) + " entries came to memory and " +
                            std::to_string(life.removals) + " left it by its end");
    }
}

/// A close that says that nothing was left behind has waited for what was under way.
void judge_drained(CaseFile& file, std::size_t index, const Operation& closing) {
    if (left_behind(closing)) return;
    for (const auto number : file.births(index)) {
        const auto& birth = file.history.births[number];
        if (birth.kind != Birth::Kind::load || !birth.begin.before(closing.begin)) continue;
        if (birth.deadline <= closing.end.at || (birth.end && birth.end.at <= closing.end.at)) continue;
        file.report(15, file.name_of_birth(number) + " was under way when its cache said that it had closed, at " +
                            text_of(closing.end));
    }
    for (std::size_t i = 0; i < file.history.operations.size(); ++i) {
        const auto& operation = file.history.operations[i];
        const bool writes =
            operation.act == Act::put || operation.act == Act::invalidate || operation.act == Act::clear;
        if (operation.life != index || !writes || !operation.begin.before(closing.begin)) continue;
        for (const auto& result : operation.results) {
            if (result.kind == KeyResult::Kind::error && result.code == Errc::closed)
                file.report(15, file.name(i) + " was not waited for by a close that left nothing behind");
        }
    }
}

void judge_listener(CaseFile& file, const std::vector<std::uint64_t>& told) {
    // It hears of values only.
    const bool absent = std::any_of(file.history.births.begin(), file.history.births.end(),
                                    [](const Birth& birth) { return birth.outcome == Birth::Outcome::absent; });
    for (std::size_t i = 0; i < file.history.lives.size(); ++i) {
        const auto& life = file.history.lives[i];
        if (told[i] == 0) continue; // nobody listened
        if (absent ? told[i] > life.removals : told[i] != life.removals) {
            file.report(14, "p" + std::to_string(life.process) + "/life " + std::to_string(i) + ": " +
                                std::to_string(life.removals) + " entries left memory, but the listener heard of " +
                                std::to_string(told[i]));
        }
    }
}

} // namespace

void judge_endings(CaseFile& file) {
    const auto& history = file.history;
    for (std::size_t i = 0; i < history.lives.size(); ++i) {
        const auto* closing = file.closing(i);
        if (closing != nullptr && closing->end) {
            judge_pressure(file, i, *closing);
            judge_drained(file, i, *closing);
        }
    }
    for (std::size_t i = 0; i < history.births.size(); ++i) {
        const auto* closing = file.closing(history.births[i].life);
        if (closing != nullptr && history.births[i].kind == Birth::Kind::load &&
            is_after(history.births[i].begin, *closing)) {
            file.report(15,
                        file.name_of_birth(i) + " began after its cache had been closed at " + text_of(closing->end));
        }
    }
    for (const auto& call : history.server_calls) {
        const auto* closing = file.closing(call.life);
        // A write that close() left behind has its key dropped from the tiers when the source has spoken, or not.
        const bool drops = call.kind == ServerCall::Kind::erase && closing != nullptr && left_behind(*closing);
        if (closing != nullptr && !drops && is_after(call.begin, *closing)) {
            file.report(15, "server " + std::to_string(call.server) + " was sent a request at " + text_of(call.begin) +
                                " by a cache that had been closed at " + text_of(closing->end));
        }
    }
    for (std::size_t i = 0; i < history.operations.size(); ++i) {
        const auto& operation = history.operations[i];
        const auto* closing = file.closing(operation.life);
        if (closing == nullptr || operation.act == Act::close || !is_after(operation.end, *closing)) continue;
        if (operation.begin.at + operation.delay <= closing->end.at && !operation.results.empty() &&
            operation.results.front().kind != KeyResult::Kind::error) {
            file.report(15, file.name(i) + " ended after its cache had been closed at " + text_of(closing->end));
        }
    }
    std::vector<std::uint64_t> told(history.lives.size());
    for (const auto& departure : history.departures) {
        ++told[departure.life];
        const auto* closing = file.closing(departure.life);
        if (closing != nullptr && is_after(departure.at, *closing)) {
            file.report(15, "the listener was called at " + text_of(departure.at) +
                                " by a cache that had been closed at " + text_of(closing->end));
        }
    }
    judge_listener(file, told);
}

} // namespace tiercel::simulation
