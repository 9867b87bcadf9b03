#include "replica_lag.hpp"

#include <algorithm>

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

void ReplicaLag::on_place(std::optional<SteadyTime> held_until, std::uint64_t session) noexcept {
    asking_ = false;
    backoff_.succeeded();
    if (!held_until) return; // what was proven before goes on
    held_until_ = held_until;
    session_ = session;
}

void ReplicaLag::on_no_place(SteadyTime now, std::uint64_t random) noexcept {
    asking_ = false;
    leave_alone(now, random);
}

void ReplicaLag::on_failed_read(SteadyTime now, std::uint64_t random) noexcept {
    // Many reads that fail together are one failure.
    if (held_until_) leave_alone(now, random);
}

bool ReplicaLag::is_readable(SteadyTime now, std::uint64_t session) const noexcept {
    return held_until_ && session == session_ && now - *held_until_ <= max_staleness_;
}

void ReplicaLag::leave_alone(SteadyTime now, std::uint64_t random) noexcept {
    held_until_.reset();
    backoff_.failed(now, random);
}

} // namespace tiercel::redis
