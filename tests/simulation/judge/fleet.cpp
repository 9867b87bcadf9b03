#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// How long a put that was not answered in time may go on, those that wait for it included.
constexpr std::chrono::seconds long_after{5};

/// Whether the key was, or may have been, written or erased by any process from one time to another.
bool moved_anywhere(const CaseFile& file, Key key, nanoseconds from, nanoseconds until) {
    for (std::size_t life = 0; life < file.history.lives.size(); ++life) {
        const auto& moves = file.moves(life, key);
        const bool any = std::any_of(moves.begin(), moves.end(), [&](const Move& move) {
            if (move.begin.at > until) return false;
            return !move.end || move.end.at + (move.act == Act::put ? long_after : nanoseconds::zero()) >= from;
        });
        if (any) return true;
    }
    return false;
}

/// Of all processes that share a tier with leases, one loads a key, as long as its lease stands.
void judge_fleet_pair(CaseFile& file, std::size_t first, std::size_t second) {
    const auto& one = file.history.births[first];
    const auto& two = file.history.births[second];
    const auto& life = file.history.lives[two.life];
    if ((one.end && one.end.at <= two.begin.at) || one.deadline <= two.begin.at) return;
    // Somebody who has waited long enough loads too; so does everybody once the lease is over.
    if (two.begin.at - two.flight_began >= life.lease_wait) return;
    if (two.begin.at - one.flight_began >= life.lease_ttl) return;
    if (moved_anywhere(file, one.key, std::min(one.flight_began, two.flight_began), two.begin.at)) return;
    for (const auto which : {one.life, two.life}) {
        const auto* closing = file.closing(which);
        if (closing != nullptr && closing->begin.at <= two.begin.at) return;
    }
    file.report(2, "k" + std::to_string(one.key) +
                       " was loaded by two processes at once: " + file.name_of_birth(first) + " and " +
                       file.name_of_birth(second) + ", while the lease of the first stood");
}

/// When the shared server took the value of this load, and kept it; empty if it did not.
std::optional<nanoseconds> stored_at(const CaseFile& file, std::size_t born, std::uint32_t server) {
    const auto& birth = file.history.births[born];
    for (const auto index : file.calls(birth.life, birth.key)) {
        const auto& call = file.history.server_calls[index];
        if (call.kind == ServerCall::Kind::put && call.server == server && call.ok && !call.lease &&
            call.value == value_of(birth.key, born))
            return call.end.at;
    }
    return std::nullopt;
}

/// Whether the server was told anything else of the key: that it is out, if only for an older value's sake, or what a
/// load found that began earlier and took longer.
bool was_told_otherwise(const CaseFile& file, std::size_t born, std::uint32_t server, nanoseconds until) {
    const auto& birth = file.history.births[born];
    const auto& calls = file.history.server_calls;
    return std::any_of(calls.begin(), calls.end(), [&](const ServerCall& call) {
        return call.kind != ServerCall::Kind::get && call.key == birth.key && call.server == server && !call.lease &&
               call.value != value_of(birth.key, born) && call.begin.at <= until &&
               (!call.end || call.end.at >= birth.flight_began);
    });
}

/// What a server has that all share is not loaded anew before its life is over.
void judge_expiry(CaseFile& file, std::size_t first, std::size_t second) {
    const auto& one = file.history.births[first];
    const auto& two = file.history.births[second];
    const auto& life = file.history.lives[two.life];
    if (one.outcome != Birth::Outcome::value || !one.cacheable || life.refresh_ahead > 0 || life.refresh_early > 0)
        return;
    const auto stored = stored_at(file, first, life.servers.back());
    if (!stored || two.flight_began <= *stored) return;
    auto lives_for = least_life(life, one);
    if (life.max_memory_ttl) return; // which says nothing of the server
    if (lives_for != nanoseconds::max() && two.begin.at + std::chrono::milliseconds(2) >= one.end.at + lives_for)
        return;
    if (moved_anywhere(file, one.key, one.flight_began, two.begin.at)) return;
    if (was_told_otherwise(file, first, life.servers.back(), two.begin.at)) return;
    file.report(2, "k" + std::to_string(one.key) + " was loaded by " + file.name_of_birth(second) +
                       ", though the tier that all share had it from " + file.name_of_birth(first));
}

} // namespace

void judge_fleet(CaseFile& file) {
    const auto& history = file.history;
    if (!history.calm || history.lives.empty() || !history.shares_a_tier) return;
    const bool leases = history.lives.front().lease_ttl > nanoseconds::zero();
    for (std::size_t i = 0; i < history.births.size(); ++i) {
        if (history.births[i].kind != Birth::Kind::load) continue;
        std::size_t seen = 0;
        for (std::size_t j = i + 1; j < history.births.size() && seen < 4; ++j) {
            const auto& other = history.births[j];
            if (other.key != history.births[i].key || other.kind != Birth::Kind::load) continue;
            ++seen;
            if (leases && other.life != history.births[i].life) judge_fleet_pair(file, i, j);
            judge_expiry(file, i, j);
        }
    }
}

} // namespace tiercel::simulation
