#pragma once

#include "judge.hpp"

#include <utility>

namespace tiercel::simulation {

/// A history made by hand, of one cache with one tier: times are in milliseconds, and no two events share one.
class Story {
public:
    Story() {
        Life life;
        life.began = at(0.1);
        life.ttl = std::chrono::seconds(10);
        life.negative_ttl = std::chrono::seconds(1);
        life.source_timeout = std::chrono::milliseconds(500);
        life.close_timeout = std::chrono::milliseconds(500);
        life.servers = {0};
        life.tier_timeouts = {std::chrono::milliseconds(50)};
        life.max_concurrent = 32;
        history.lives.push_back(life);
    }

    History history;

    static Moment at(double ms) {
        return {static_cast<std::uint64_t>(ms * 1'000), nanoseconds(static_cast<std::int64_t>(ms * 1e6))};
    }

    /// A load of k1; its index.
    std::size_t load(double begin, double end, Birth::Outcome outcome = Birth::Outcome::value,
                     std::uint64_t version = 1) {
        Birth birth;
        birth.key = 1;
        birth.begin = at(begin);
        birth.flight_began = birth.begin.at;
        birth.deadline = birth.begin.at + history.lives[0].source_timeout;
        birth.end = at(end);
        birth.outcome = outcome;
        birth.source_version = version;
        history.births.push_back(birth);
        return history.births.size() - 1;
    }

    Operation& operation(Act act, double begin, double end, KeyResult result, Key key = 1) {
        Operation operation;
        operation.act = act;
        operation.keys = {key};
        operation.timeout = std::chrono::seconds(1);
        operation.begin = at(begin);
        operation.end = at(end);
        const auto born = birth_of(result.value);
        if (result.kind == KeyResult::Kind::value && born < history.births.size())
            result.age = operation.end.at - history.births[born].end.at;
        operation.results = {std::move(result)};
        history.operations.push_back(operation);
        return history.operations.back();
    }
    Operation& get(double begin, double end, KeyResult result) {
        return operation(Act::get, begin, end, std::move(result));
    }
    Operation& invalidate(double begin, double end) { return operation(Act::invalidate, begin, end, done()); }

    /// A put of k1 that the source takes in the middle of it; the index of its birth.
    std::size_t put(double begin, double end, std::uint64_t version = 2) {
        Birth birth;
        birth.kind = Birth::Kind::put;
        birth.key = 1;
        birth.begin = at(begin);
        birth.end = at((begin + end) / 2);
        birth.committed = at((begin + end) / 2 - 0.1);
        birth.outcome = Birth::Outcome::value;
        birth.source_version = version;
        history.births.push_back(birth);
        const auto born = history.births.size() - 1;
        operation(Act::put, begin, end, done()).births = {born};
        server_call(ServerCall::Kind::put, (begin + end) / 2 + 0.1, end - 0.1, value_of(1, born));
        return born;
    }

    ServerCall& server_call(ServerCall::Kind kind, double begin, double end, Value value = 0) {
        ServerCall call;
        call.kind = kind;
        call.key = 1;
        call.value = value;
        call.begin = at(begin);
        call.applied = at((begin + end) / 2);
        call.end = at(end);
        call.ok = true;
        history.server_calls.push_back(call);
        return history.server_calls.back();
    }

    Operation& close(double begin, double end) {
        auto& closing = operation(Act::close, begin, end, KeyResult());
        closing.keys.clear();
        closing.results.front().kind = KeyResult::Kind::done;
        closing.timeout = history.lives[0].close_timeout;
        return closing;
    }

    static KeyResult value(std::size_t birth, Source::Kind from = Source::Kind::memory) {
        KeyResult result;
        result.kind = KeyResult::Kind::value;
        result.value = value_of(1, birth);
        result.source = {from, 0};
        return result;
    }
    /// The same, so many milliseconds past its life.
    static KeyResult stale(std::size_t birth, double past, StaleReason why) {
        auto result = value(birth);
        result.stale = why;
        result.staleness = at(past).at;
        return result;
    }
    void tell(Told::Kind kind, double when, std::uint64_t probes) {
        history.told.push_back({kind, 0, 0, probes, at(when)});
    }

    static KeyResult absent() {
        KeyResult result;
        result.kind = KeyResult::Kind::absent;
        return result;
    }
    static KeyResult error(Errc code, std::string text) {
        KeyResult result;
        result.kind = KeyResult::Kind::error;
        result.code = code;
        result.text = std::move(text);
        return result;
    }
    /// Done, at the tier too; an erase there that makes it true is added by `invalidated`.
    static KeyResult done() {
        KeyResult result;
        result.kind = KeyResult::Kind::done;
        result.report.tiers = {{"tier0", TierOutcome::Kind::done, {}}};
        return result;
    }
    /// An invalidation with the erase that it reports.
    void invalidated(double begin, double end) {
        invalidate(begin, end);
        server_call(ServerCall::Kind::erase, begin + 0.1, end - 0.1);
    }
};

} // namespace tiercel::simulation
