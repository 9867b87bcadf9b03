#include "case_file.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace tiercel::simulation {
namespace {

template <class Map, class Place>
const auto& found_in(const Map& map, const Place& place) {
    static const typename Map::mapped_type nothing;
    const auto at = map.find(place);
    return at == map.end() ? nothing : at->second;
}

/// An invalidation or clear has done what matters when it begins, so even an error leaves it certain, but for those
/// that say that nothing was done.
bool did_nothing(const KeyResult& result) {
    return result.kind == KeyResult::Kind::error &&
           (result.code == Errc::closed || result.code == Errc::overloaded || result.code == Errc::invalid_option);
}

} // namespace

std::string text_of(const Moment& moment) {
    char text[64];
    std::snprintf(text, sizeof text, "%.6f s (event %llu)", static_cast<double>(moment.at.count()) / 1e9,
                  static_cast<unsigned long long>(moment.seq));
    return text;
}

CaseFile::CaseFile(const History& the_history, const JudgeOptions& the_options)
    : history(the_history), options(the_options) {
    for (std::size_t i = 0; i < history.operations.size(); ++i) {
        const auto& operation = history.operations[i];
        for (const auto key : operation.keys) {
            auto& of_key = operations_[{operation.life, key}];
            if (of_key.empty() || of_key.back() != i) of_key.push_back(i);
        }
        if (operation.act == Act::close) closings_.emplace(operation.life, i);
        add_moves(i);
    }
    for (std::size_t i = 0; i < history.births.size(); ++i) {
        const auto& birth = history.births[i];
        births_[{birth.life, birth.key}].push_back(i);
        births_of_life_[birth.life].push_back(i);
        add_denial(birth);
    }
    for (std::size_t i = 0; i < history.server_calls.size(); ++i) {
        const auto& call = history.server_calls[i];
        if (call.key) calls_[{call.life, *call.key}].push_back(i);
        if (call.kind == ServerCall::Kind::put && call.applied)
            ways_[call.value] = std::max(ways_[call.value], call.applied.at - call.begin.at);
    }
}

void CaseFile::add_moves(std::size_t index) {
    const auto& operation = history.operations[index];
    Move move;
    move.operation = index;
    move.act = operation.act;
    move.begin = operation.begin;
    move.end = operation.end;
    if (operation.act == Act::clear) {
        move.certain = !operation.results.empty() && !did_nothing(operation.results.front());
        // Of all keys that anything is known of.
        std::map<Key, bool> keys;
        for (const auto& birth : history.births)
            keys.emplace(birth.key, true);
        for (const auto& [key, known] : keys)
            moves_[{operation.life, key}].push_back(move);
    } else if (operation.act == Act::invalidate) {
        for (std::size_t k = 0; k < operation.keys.size(); ++k) {
            move.certain = k < operation.results.size() && !did_nothing(operation.results[k]);
            moves_[{operation.life, operation.keys[k]}].push_back(move);
        }
    } else if (operation.act == Act::put) {
        for (std::size_t k = 0; k < operation.keys.size() && k < operation.births.size(); ++k) {
            const auto& birth = history.births[operation.births[k]];
            move.birth = operation.births[k];
            move.certain = false;
            move.by_version = false;
            if (k < operation.results.size()) {
                const auto& result = operation.results[k];
                move.certain = result.kind == KeyResult::Kind::done ||
                               (result.kind == KeyResult::Kind::error && result.code == Errc::writer_failed);
                move.by_version = result.kind == KeyResult::Kind::done && history.lives[operation.life].has_writer;
            }
            move.version = birth.source_version;
            moves_[{operation.life, operation.keys[k]}].push_back(move);
            // A writer that answers after its time has the key dropped at that moment.
            const bool late = birth.end && operation.end && operation.end.before(birth.end) &&
                              k < operation.results.size() && operation.results[k].code == Errc::timeout &&
                              operation.results[k].text.find("TimeoutOptions::source") != std::string::npos;
            if (late && birth.outcome == Birth::Outcome::value) {
                Move drop = move;
                drop.act = Act::invalidate;
                drop.begin = drop.end = birth.end;
                drop.certain = true;
                drop.by_version = false;
                moves_[{operation.life, operation.keys[k]}].push_back(drop);
            }
        }
    }
}

/// A load whose answer is to be kept nowhere has what is stale dropped, if there is any.
void CaseFile::add_denial(const Birth& birth) {
    const auto& life = history.lives[birth.life];
    const bool keeps = life.stale_keep > nanoseconds::zero() || life.refresh_ahead > 0 || life.refresh_early > 0;
    if (!keeps || birth.kind != Birth::Kind::load || !birth.end) return;
    const bool absent =
        birth.outcome == Birth::Outcome::absent && birth.ttl.value_or(life.negative_ttl) <= nanoseconds::zero();
    const bool unkept = birth.outcome == Birth::Outcome::value && !birth.cacheable;
    if (!absent && !unkept && !(birth.outcome == Birth::Outcome::absent && !birth.cacheable)) return;
    Move move;
    move.begin = move.end = birth.end;
    move.end.at += 2 * tier_patience(birth.life);
    move.certain = false;
    moves_[{birth.life, birth.key}].push_back(move);
}

const std::vector<Move>& CaseFile::moves(std::size_t life, Key key) const {
    return found_in(moves_, Place{life, key});
}
const std::vector<std::size_t>& CaseFile::births(std::size_t life, Key key) const {
    return found_in(births_, Place{life, key});
}
const std::vector<std::size_t>& CaseFile::births(std::size_t life) const {
    return found_in(births_of_life_, life);
}
const std::vector<std::size_t>& CaseFile::calls(std::size_t life, Key key) const {
    return found_in(calls_, Place{life, key});
}
const std::vector<std::size_t>& CaseFile::operations(std::size_t life, Key key) const {
    return found_in(operations_, Place{life, key});
}

const Operation* CaseFile::closing(std::size_t life) const {
    const auto at = closings_.find(life);
    return at == closings_.end() ? nullptr : &history.operations[at->second];
}

nanoseconds CaseFile::tier_patience(std::size_t life) const {
    const auto& timeouts = history.lives[life].tier_timeouts;
    return std::accumulate(timeouts.begin(), timeouts.end(), nanoseconds{});
}

nanoseconds CaseFile::longest_way_to_a_server(Value value) const {
    const auto at = ways_.find(value);
    return at == ways_.end() ? nanoseconds{} : at->second;
}

std::string CaseFile::name(std::size_t index) const {
    const auto& operation = history.operations[index];
    std::string keys;
    for (const auto key : operation.keys)
        keys += " k" + std::to_string(key);
    return "#" + std::to_string(index) + " " + std::string(to_string(operation.act)) + keys + " of p" +
           std::to_string(history.lives[operation.life].process) + " (" + text_of(operation.begin) + " to " +
           text_of(operation.end) + ")";
}

std::string CaseFile::name_of_birth(std::size_t index) const {
    const auto& birth = history.births[index];
    return "birth " + std::to_string(index) + " (a " + (birth.kind == Birth::Kind::load ? "load" : "put") + " of p" +
           std::to_string(history.lives[birth.life].process) + ", " + text_of(birth.begin) + " to " +
           text_of(birth.end) + ", version " + std::to_string(birth.source_version) + ")";
}

std::vector<Violation> judge(const History& history, const JudgeOptions& options) {
    CaseFile file(history, options);
    judge_values(file);
    judge_errors(file);
    judge_waiting(file);
    judge_loading(file);
    judge_writes(file);
    judge_tiers(file);
    judge_endings(file);
    judge_staleness(file);
    judge_fleet(file);
    judge_repairs(file);
    judge_breakers(file);
    return std::move(file).violations();
}

std::string to_text(const History& history, const std::vector<Violation>& violations) {
    std::string text;
    for (const auto& violation : violations) {
        text += "seed " + std::to_string(history.seed) + ": promise " + std::to_string(violation.promise) +
                " is broken: " + violation.what + "\n";
    }
    if (!violations.empty()) {
        text += "the whole run: tiercel_simulation --seed " + std::to_string(history.seed) + "\n";
    }
    return text;
}

} // namespace tiercel::simulation
