#pragma once

#include "../history.hpp"
#include "judge.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::simulation {

/// Something that moved a key's epoch in one life: what was loaded before it is out.
struct Move {
    std::size_t operation = 0; ///< which one; for a late answer of a writer, the put
    Act act = Act::invalidate;
    Moment begin;              ///< nothing that began before is to be seen ...
    Moment end;                ///< ... by those who begin after; 0: not before the end of the run
    std::uint64_t version = 0; ///< of a put: at least this version of the source is to be seen instead
    std::size_t birth = 0;     ///< of a put
    bool by_version = false;   ///< a put that is known to have succeeded at a source
    bool certain = true;       ///< whether those who begin after its end may rely on it
};

/// A history, sorted for those who judge it, and what they find.
class CaseFile {
public:
    CaseFile(const History& the_history, const JudgeOptions& the_options);

    const History& history;
    const JudgeOptions& options;
    using Place = std::pair<std::size_t, Key>; ///< a life and a key

    const std::vector<Move>& moves(std::size_t life, Key key) const;
    const std::vector<std::size_t>& births(std::size_t life, Key key) const; ///< in the order of their begins
    const std::vector<std::size_t>& births(std::size_t life) const;
    const std::vector<std::size_t>& calls(std::size_t life, Key key) const; ///< of servers
    const std::vector<std::size_t>& operations(std::size_t life, Key key) const;
    const Operation* closing(std::size_t life) const;
    nanoseconds tier_patience(std::size_t life) const;      ///< what all tiers of a life may take together
    nanoseconds longest_way_to_a_server(Value value) const; ///< of all puts of this value; 0: of any absence

    void report(int promise, std::string what) { violations_.push_back({promise, std::move(what)}); }
    std::vector<Violation> violations() && { return std::move(violations_); }

    std::string name(std::size_t operation) const;
    std::string name_of_birth(std::size_t birth) const;

private:
    void add_moves(std::size_t index);
    void add_denial(const Birth& birth);

    std::map<Place, std::vector<Move>> moves_;
    std::map<Place, std::vector<std::size_t>> births_, calls_, operations_;
    std::map<std::size_t, std::vector<std::size_t>> births_of_life_;
    std::map<std::size_t, std::size_t> closings_;
    std::map<Value, nanoseconds> ways_;
    std::vector<Violation> violations_;
};

std::string text_of(const Moment& moment);

/// How long memory surely keeps what this load gave as fresh; the maximum: for ever.
nanoseconds least_life(const Life& life, const Birth& load);
/// Whether memory may have got another value than this load's from a tier, since that load ended.
bool may_be_replaced(const CaseFile& file, std::size_t load, nanoseconds until);
/// Whether somebody asked for the key without memory, when the flight of this load began or while it lasted.
bool was_asked_past_memory(const CaseFile& file, const Birth& load);
/// How far past its life a value may be for this lookup.
nanoseconds accepted_staleness(const Life& life, const Operation& operation);

// The judges, each with some of the promises.
void judge_values(CaseFile& file);    ///< 1, 3, 4, 5, 10, 12: what reads return
void judge_errors(CaseFile& file);    ///< 6, 9, 10: what errors they return
void judge_waiting(CaseFile& file);   ///< 8, and 2's "shared by all who waited"
void judge_loading(CaseFile& file);   ///< 2: how often loaders are called
void judge_writes(CaseFile& file);    ///< 11
void judge_tiers(CaseFile& file);     ///< what is left in the tiers, and clear() across processes
void judge_endings(CaseFile& file);   ///< 13, 14, 15
void judge_staleness(CaseFile& file); ///< 4: what is stale, why, how old; and what is withheld
void judge_fleet(CaseFile& file);     ///< 2, among processes that share a tier
void judge_repairs(CaseFile& file);   ///< 11, 13: what tiers were owed
void judge_breakers(CaseFile& file);  ///< 6: when a tier is left out

} // namespace tiercel::simulation
