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
    if (!listening_ || !waiting_[sentinel]) return;
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
    if (!has_heard_enough()) return;
    listening_ = false;
    rank();
    choose();
}

bool MasterSearch::has_heard_enough() const noexcept {
    const auto waiting_for = [&](Voice voice) {
        return std::count(waiting_.begin(), waiting_.end(), std::optional(voice)) > 0;
    };
    if (waiting_for(Voice::needed)) return false;
    if (told_ > waiting_.size() / 2) return true;
    if (waiting_for(Voice::awaited)) return false;
    return told_ > 0 || !waiting_for(Voice::doubtful);
}

void MasterSearch::rank() {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(b.epoch, b.votes, a.address) < std::tie(a.epoch, a.votes, b.address);
    });
}

void MasterSearch::choose() {
    for (; current_ < candidates_.size(); ++current_) {
        auto& candidate = candidates_[current_];
        const bool perhaps_superseded = std::any_of(
            candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(current_),
            [&](const auto& better) { return better.state == State::unreachable && better.epoch > candidate.epoch; });
        if (!perhaps_superseded || candidate.votes > waiting_.size() / 2) return;
        candidate.state = State::passed_over;
    }
}

std::optional<NodeAddress> MasterSearch::candidate() const {
    if (listening_ || current_ == candidates_.size()) return std::nullopt;
    return candidates_[current_].address;
}

void MasterSearch::on_role(const Result<void>& role) {
    if (role) return;
    const bool denies = role.error() == Errc::read_only;
    candidates_[current_].state = denies ? State::denies : State::unreachable;
    failure_ = role.error();
    ++current_;
    choose();
}

bool MasterSearch::deposes(const NodeAddress& former) const {
    for (const auto& candidate : candidates_) {
        if (candidate.address == former) return candidate.state == State::denies;
        if (candidate.state == State::unreachable) return true;
    }
    return false;
}

void MasterSearch::blame(const Error& error) {
    if (weight(error) >= weight(failure_)) failure_ = error;
}

} // namespace tiercel::redis
