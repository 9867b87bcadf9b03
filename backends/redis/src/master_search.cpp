#include "master_search.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tiercel::redis {

namespace {

/// How much a failure of a sentinel tells of why there is no master.
int weight(const Error& error) {
    switch (error.code()) {
    case Errc::invalid_option: // an unknown name
        return 3;
    case Errc::authentication_failed:
    case Errc::permission_denied:
    case Errc::unsupported:
    case Errc::protocol_error:
        return 2;
    case Errc::connection_failed:
    case Errc::connection_lost:
    case Errc::timeout:
        return 1;
    default:
        return 0;
    }
}

} // namespace

MasterSearch::MasterSearch(const std::vector<Voice>& sentinels)
    : waiting_(sentinels.begin(), sentinels.end()),
      failure_(Errc::not_ready, "redis sentinels: none has named a master yet") {}

void MasterSearch::on_answer(std::size_t sentinel, Result<SentinelAnswer> answer) {
    if (!waiting_[sentinel]) return;
    waiting_[sentinel].reset();
    if (!answer) {
        blame(answer.error());
    } else {
        ++told_;
        const auto known = std::find_if(candidates_.begin(), candidates_.end(),
                                        [&](const auto& candidate) { return candidate.address == answer->master; });
        if (known == candidates_.end()) {
            candidates_.push_back({.address = std::move(answer->master), .epoch = answer->epoch, .votes = 1});
        } else {
            known->epoch = std::max(known->epoch, answer->epoch);
            ++known->votes;
        }
    }
    if (state_ == State::listening) go_on();
}

void MasterSearch::on_role(const Result<void>& role) {
    if (role) return;
    const auto tried = std::find_if(candidates_.begin(), candidates_.end(),
                                    [&](const auto& candidate) { return candidate.address == trying_; });
    tried->word = role.error() == Errc::read_only ? Word::denies : Word::unreachable;
    failure_ = role.error();
    go_on();
}

bool MasterSearch::is_waiting_for(Voice voice) const noexcept {
    return std::count(waiting_.begin(), waiting_.end(), std::optional(voice)) > 0;
}

bool MasterSearch::has_heard_enough() const noexcept {
    if (is_waiting_for(Voice::needed)) return false;
    if (told_ > waiting_.size() / 2) return true;
    if (is_waiting_for(Voice::awaited)) return false;
    return told_ > 0 || !is_waiting_for(Voice::doubtful);
}

void MasterSearch::go_on() {
    state_ = State::listening;
    if (!has_heard_enough()) return;
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(b.epoch, b.votes, a.address) < std::tie(a.epoch, a.votes, b.address);
    });
    std::uint64_t superseded_below = 0;
    for (const auto& candidate : candidates_) {
        if (candidate.word == Word::unreachable) superseded_below = std::max(superseded_below, candidate.epoch);
        if (candidate.word != Word::unasked) continue;
        if (candidate.epoch < superseded_below && candidate.votes <= waiting_.size() / 2) {
            if (is_waiting_for(Voice::awaited)) return; // who may name it too
            continue;
        }
        trying_ = candidate.address;
        state_ = State::trying;
        return;
    }
    state_ = State::not_found;
}

bool MasterSearch::deposes(const NodeAddress& former) const {
    for (const auto& candidate : candidates_) {
        if (candidate.address == former) return candidate.word == Word::denies;
        if (candidate.word == Word::unreachable) return true;
    }
    return false;
}

void MasterSearch::blame(const Error& error) {
    if (weight(error) >= weight(failure_)) failure_ = error;
}

} // namespace tiercel::redis
