#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// How soon another process heeds a clear(), and how long the request that tells of it may take.
constexpr std::chrono::seconds marker_interval{1};

/// Every tier did it, or has been told since.
bool is_complete(const Life& life, const Operation& operation, std::size_t k) {
    if (!operation.end || k >= operation.results.size()) return false;
    const auto& result = operation.results[k];
    if (result.kind != KeyResult::Kind::done) return false;
    return std::all_of(result.report.tiers.begin(), result.report.tiers.end(), [&](const TierOutcome& tier) {
        const bool repaired = tier.kind == TierOutcome::Kind::queued && life.settled;
        return tier.kind == TierOutcome::Kind::done || repaired;
    });
}

/// Something may have been stored that the cache does not know of.
bool a_put_went_wrong(const CaseFile& file, std::size_t life, Key key) {
    const auto& calls = file.calls(life, key);
    return std::any_of(calls.begin(), calls.end(), [&](std::size_t index) {
        const auto& call = file.history.server_calls[index];
        return call.kind == ServerCall::Kind::put && (call.faulty || !call.end || (!call.ok && !call.conditional));
    });
}

/// In the end no server holds what the life that put it there had invalidated since.
void judge_residue(CaseFile& file, const Residue& residue) {
    const auto born = birth_of(residue.value);
    if (born >= file.history.births.size()) return;
    const auto& birth = file.history.births[born];
    if (birth.life != residue.life || a_put_went_wrong(file, residue.life, residue.key)) return;
    const auto* closing = file.closing(residue.life);
    for (const auto& move : file.moves(residue.life, residue.key)) {
        if (move.act != Act::invalidate || !move.certain || !move.end) continue;
        const auto& operation = file.history.operations[move.operation];
        if (operation.act != Act::invalidate) continue;
        const auto k = static_cast<std::size_t>(std::find(operation.keys.begin(), operation.keys.end(), residue.key) -
                                                operation.keys.begin());
        // What was put while it was being invalidated may be either.
        const auto& place = birth.kind == Birth::Kind::put ? birth.end : birth.begin;
        if (!place || !place.before(move.begin) || !is_complete(file.history.lives[residue.life], operation, k))
            continue;
        // What the end of the life cut short was not promised.
        if (closing != nullptr && closing->begin.at <= residue.stored.at + file.tier_patience(residue.life)) continue;
        file.report(1, "server " + std::to_string(residue.server) + " still holds " + file.name_of_birth(born) +
                           ", stored at " + text_of(residue.stored) + ", though " + file.name(move.operation) +
                           " had erased it");
        return;
    }
}

/// A process reads nothing from a tier that another has cleared since more than a second.
void judge_clear(CaseFile& file, std::size_t cleared) {
    const auto& clear = file.history.operations[cleared];
    const auto& clearing = file.history.lives[clear.life];
    if (!is_complete(clearing, clear, 0)) return;
    const auto& servers = clearing.servers;
    for (std::size_t i = 0; i < file.history.operations.size(); ++i) {
        const auto& operation = file.history.operations[i];
        if (operation.act != Act::get && operation.act != Act::get_or_load) continue;
        const auto& life = file.history.lives[operation.life];
        if (operation.begin.at <= clear.end.at + marker_interval + file.tier_patience(operation.life)) continue;
        for (const auto& result : operation.results) {
            if (result.kind != KeyResult::Kind::value || result.source.kind != Source::Kind::tier) continue;
            const auto server = life.servers[result.source.tier];
            const auto born = birth_of(result.value);
            if (std::count(servers.begin(), servers.end(), server) == 0 || born >= file.history.births.size()) continue;
            const auto& birth = file.history.births[born];
            const auto& place = birth.kind == Birth::Kind::put ? birth.end : birth.begin;
            if (place && place.at + std::chrono::milliseconds(1) < clear.begin.at) {
                file.report(1, file.name(i) + " read " + file.name_of_birth(born) + " from server " +
                                   std::to_string(server) + ", long after " + file.name(cleared));
            }
        }
    }
}

/// No tier is sent what its process knows to be out.
void judge_fill(CaseFile& file, const ServerCall& call) {
    const auto born = birth_of(call.value);
    if (call.value == 0 || born >= file.history.births.size()) return;
    const auto& birth = file.history.births[born];
    if (birth.kind != Birth::Kind::load || birth.life != call.life || birth.key != *call.key) return;
    for (const auto& move : file.moves(call.life, birth.key)) {
        if (move.act == Act::put || !move.certain || !move.end || !birth.begin.before(move.begin)) continue;
        if (move.begin.at >= call.begin.at) continue;
        file.report(1, "server " + std::to_string(call.server) + " was sent " + file.name_of_birth(born) + " at " +
                           text_of(call.begin) + ", after " + file.name(move.operation) + " had begun");
        return;
    }
}

} // namespace

void judge_tiers(CaseFile& file) {
    for (const auto& call : file.history.server_calls) {
        if (call.kind == ServerCall::Kind::put && call.key && !call.conditional) judge_fill(file, call);
    }
    for (const auto& residue : file.history.residues)
        judge_residue(file, residue);
    // A marker can be lost, and not be heard; then nothing is promised.
    if (!file.history.calm) return;
    for (std::size_t i = 0; i < file.history.operations.size(); ++i) {
        if (file.history.operations[i].act == Act::clear) judge_clear(file, i);
    }
}

} // namespace tiercel::simulation
