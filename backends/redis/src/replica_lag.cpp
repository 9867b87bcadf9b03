#include "replica_lag.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::redis {

void MasterHistory::on_answer(SteadyTime asked_at, const ReplicationPlace& place) {
    const bool goes_on = !samples_.empty() && place.history == history_ && place.offset >= samples_.back().offset &&
                         asked_at >= samples_.back().asked_at;
    if (!goes_on) {
        samples_.clear();
        history_ = place.history;
    }
    while (!samples_.empty() && asked_at - samples_.front().asked_at > max_staleness_)
        samples_.pop_front();
    const bool is_close =
        samples_.size() >= 2 && asked_at - samples_[samples_.size() - 2].asked_at < max_staleness_ / 8;
    if (is_close) samples_.pop_back();
    if (samples_.size() == max_size) samples_.pop_front();
    samples_.push_back({asked_at, place.offset});
}

std::optional<SteadyTime> MasterHistory::held_until(const ReplicationPlace& place) const {
    if (place.history != history_) return std::nullopt;
    const auto held = std::find_if(samples_.rbegin(), samples_.rend(),
                                   [&](const Sample& sample) { return sample.offset <= place.offset; });
    if (held == samples_.rend()) return std::nullopt;
    return held->asked_at;
}

bool ReplicaLag::begin_question(SteadyTime now) noexcept {
    if (asking_ || !backoff_.allows(now)) return false;
    asking_ = true;
    return true;
}

void ReplicaLag::on_place(SteadyTime now, std::optional<SteadyTime> held_until, ReplicationPlace place,
                          std::uint64_t session) {
    asking_ = false;
    if (!backoff_.allows(now)) return; // asked before a read failed
    if (held_until) {
        proof_ = Proof{.held_until = *held_until, .place = std::move(place), .session = session};
        return;
    }
    // It may be behind, or not in sync: what was proven before goes on, if it still holds what it held then.
    const bool goes_on = proof_ && session == proof_->session && place.history == proof_->place.history &&
                         place.offset >= proof_->place.offset;
    if (!goes_on) proof_.reset();
}

void ReplicaLag::on_no_place(SteadyTime now, std::uint64_t random) noexcept {
    asking_ = false;
    leave_alone(now, random);
}

bool ReplicaLag::on_read() noexcept {
    if (!proof_) return false;
    backoff_.succeeded();
    return true;
}

void ReplicaLag::on_failed_read(SteadyTime now, std::uint64_t random) noexcept {
    // Many reads that fail together are one failure.
    if (proof_) leave_alone(now, random);
}

bool ReplicaLag::is_readable(SteadyTime now, std::uint64_t session) const noexcept {
    return proof_ && session == proof_->session && now - proof_->held_until <= max_staleness_;
}

bool ReplicaLag::is_in_doubt(SteadyTime now, std::uint64_t session) const noexcept {
    return proof_ && session != proof_->session && now - proof_->held_until <= max_staleness_;
}

bool ReplicaLag::speaks_against(const Error& error, std::chrono::nanoseconds waited,
                                std::chrono::nanoseconds answer_within) noexcept {
    switch (error.code()) {
    case Errc::value_too_large: // of the reply to many keys
    case Errc::overloaded:      // here, not there
    case Errc::closed:
    case Errc::cancelled:
        return false;
    case Errc::timeout:
        return waited >= answer_within;
    default:
        return true;
    }
}

void ReplicaLag::leave_alone(SteadyTime now, std::uint64_t random) noexcept {
    proof_.reset();
    backoff_.failed(now, random);
}

bool Rounds::begin(SteadyTime now, Urgency urgency) noexcept {
    const std::chrono::nanoseconds interval = interval_;
    const auto rest = urgency == Urgency::none ? interval : interval / 8;
    if (running_ || (began_ && now < *began_ + rest)) return false;
    began_ = now;
    running_ = true;
    return true;
}

} // namespace tiercel::redis
