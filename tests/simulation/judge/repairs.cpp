#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// A put of its own, though nobody said that it was there; or another process's value, made after the operation began,
/// whose stamp happens to be that put's: clocks are apart, and tick in half milliseconds here.
bool may_stay(const CaseFile& file, const Operation& operation, Value value) {
    const auto born = birth_of(value);
    if (value == 0 || born >= file.history.births.size()) return false;
    const auto& birth = file.history.births[born];
    const bool is_own_put = birth.life == operation.life && birth.kind == Birth::Kind::put;
    return is_own_put || operation.begin.before(birth.begin);
}

/// Whether the server was told after the operation that the key, or all, is out.
bool was_told(const CaseFile& file, const Operation& operation, std::optional<Key> key, std::uint32_t server) {
    const auto& calls = file.history.server_calls;
    return std::any_of(calls.begin(), calls.end(),
                       [&](const ServerCall& call) {
                           const auto kind = key ? ServerCall::Kind::erase : ServerCall::Kind::put;
                           // All tiers are told of a clear() at once, and one that fails is told again before the
                           // others have answered.
                           const bool later =
                               key ? operation.end.at <= call.begin.at : operation.begin.at < call.begin.at;
                           return call.life == operation.life && call.server == server && call.kind == kind &&
                                  call.key == key && call.applied && call.ok && later;
                       }) ||
           std::any_of(calls.begin(), calls.end(), [&](const ServerCall& call) {
               return key && call.life == operation.life && call.server == server &&
                      call.kind == ServerCall::Kind::get && call.key == key && call.ok &&
                      may_stay(file, operation, call.value) && operation.end.at <= call.begin.at;
           });
}

void judge_operation(CaseFile& file, std::size_t index) {
    const auto& operation = file.history.operations[index];
    const auto& life = file.history.lives[operation.life];
    for (std::size_t k = 0; k < operation.results.size(); ++k) {
        const auto& tiers = operation.results[k].report.tiers;
        for (std::size_t t = 0; t < tiers.size() && t < life.servers.size(); ++t) {
            if (tiers[t].kind != TierOutcome::Kind::queued) continue;
            const auto key = k < operation.keys.size() ? std::optional(operation.keys[k]) : std::nullopt;
            if (was_told(file, operation, key, life.servers[t])) continue;
            file.report(11, file.name(index) + " says that it is queued for tier " + std::to_string(t) +
                                ", which has not been told in the end");
        }
    }
}

} // namespace

/// Asked of those who lived to see all be well for long.
void judge_repairs(CaseFile& file) {
    const auto& history = file.history;
    for (std::size_t i = 0; i < history.lives.size(); ++i) {
        const auto& life = history.lives[i];
        if (!life.settled || life.repairs == 0) continue;
        file.report(13, "p" + std::to_string(life.process) + "/life " + std::to_string(i) + " still owes " +
                            std::to_string(life.repairs) + " repairs at " + text_of(life.settled) +
                            ", long after all servers were well");
    }
    for (std::size_t i = 0; i < history.operations.size(); ++i) {
        const auto& operation = history.operations[i];
        const bool writes =
            operation.act == Act::put || operation.act == Act::invalidate || operation.act == Act::clear;
        if (writes && operation.end && history.lives[operation.life].settled) judge_operation(file, i);
    }
}

} // namespace tiercel::simulation
