#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// Whether the server took what the report says that it did.
bool was_done(const CaseFile& file, const Operation& operation, Key key, std::uint32_t server, Value value) {
    const auto& calls = file.calls(operation.life, key);
    return std::any_of(calls.begin(), calls.end(), [&](std::size_t index) {
        const auto& call = file.history.server_calls[index];
        const auto kind = operation.act == Act::put ? ServerCall::Kind::put : ServerCall::Kind::erase;
        return call.kind == kind && call.server == server && call.ok && call.value == value &&
               operation.begin.before(call.begin) && call.end && call.end.before(operation.end);
    });
}

void judge_report(CaseFile& file, std::size_t index, std::size_t k) {
    const auto& operation = file.history.operations[index];
    const auto& servers = file.history.lives[operation.life].servers;
    const auto key = operation.keys[k];
    const auto value = operation.act == Act::put ? value_of(key, operation.births[k]) : 0;
    const auto& tiers = operation.results[k].report.tiers;
    if (tiers.size() != servers.size()) {
        file.report(11, file.name(index) + " tells of " + std::to_string(tiers.size()) + " tiers, of " +
                            std::to_string(servers.size()));
        return;
    }
    for (std::size_t t = 0; t < tiers.size(); ++t) {
        if (tiers[t].kind == TierOutcome::Kind::done && !was_done(file, operation, key, servers[t], value)) {
            file.report(11, file.name(index) + " says that tier " + std::to_string(t) + " did it for k" +
                                std::to_string(key) + ", which the tier never confirmed");
        }
    }
}

} // namespace

void judge_writes(CaseFile& file) {
    const auto& operations = file.history.operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto& operation = operations[i];
        if (operation.act != Act::put && operation.act != Act::invalidate) continue;
        for (std::size_t k = 0; k < operation.results.size(); ++k) {
            if (operation.results[k].kind != KeyResult::Kind::done) continue;
            if (operation.act == Act::put && file.history.lives[operation.life].has_writer) {
                const auto& birth = file.history.births[operation.births[k]];
                if (!birth.committed || !birth.committed.before(operation.end)) {
                    file.report(11, file.name(i) + " was told that it succeeded, but the source had not taken it");
                } else if (birth.outcome == Birth::Outcome::error) {
                    file.report(11, file.name(i) + " was told that it succeeded, but the source said that it failed");
                }
            }
            judge_report(file, i, k);
        }
    }
}

} // namespace tiercel::simulation
