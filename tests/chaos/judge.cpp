#include "judge.hpp"

#include <algorithm>

namespace tiercel::chaos {

std::string_view to_string(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::right:
        return "right";
    case Verdict::damaged:
        return "damaged";
    case Verdict::wrong_key:
        return "another key's value";
    case Verdict::unknown:
        return "a version that the source never had";
    case Verdict::past_its_life:
        return "served past its life";
    case Verdict::not_marked:
        return "past its life and not marked as stale";
    case Verdict::undone:
        return "older than the process's own change";
    }
    return "?";
}

Judgement judge(const Reading& reading, const KeyTruth& truth, const Bounds& bounds) {
    Judgement judgement;
    const auto say = [&](Verdict verdict) {
        judgement.verdict = verdict;
        return judgement;
    };
    judgement.facts = facts_of(reading.value);
    if (!judgement.facts) return say(Verdict::damaged);
    const auto& facts = *judgement.facts;
    if (facts.cache != reading.cache || facts.key != reading.key) return say(Verdict::wrong_key);
    const auto standing = truth.standing(facts.version, facts.nonce);
    if (standing == KeyTruth::Standing::unknown) return say(Verdict::unknown);
    judgement.undecided = standing == KeyTruth::Standing::forgotten;
    // A value that is put begins its life when the source has taken it, which may be long after it was made.
    const auto born = std::max(facts.made_at, truth.committed_at(facts.version).value_or(0));
    judgement.age = std::max<Nanos>(0, reading.began - born);
    if (const auto since = truth.superseded_at(facts.version))
        judgement.behind = std::max<Nanos>(0, reading.began - *since);

    if (judgement.age > bounds.life + bounds.keep + bounds.margin) return say(Verdict::past_its_life);
    if (!reading.marked_stale && judgement.age > bounds.life + bounds.margin) return say(Verdict::not_marked);
    if (facts.version < reading.own_floor) {
        if (facts.maker == reading.reader || bounds.across_processes) return say(Verdict::undone);
        judgement.undone_by_others = true;
    }
    return judgement;
}

} // namespace tiercel::chaos
