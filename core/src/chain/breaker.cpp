#include "breaker.hpp"

#include "planted_bug.hpp"

#include <algorithm>

namespace tiercel::chain {

using std::chrono::nanoseconds;

bool Breaker::is_current(Round round) const noexcept {
    const auto word = word_.load(std::memory_order_relaxed);
    return state_of(word) == BreakerState::closed && word >> state_bits == static_cast<std::uint64_t>(round);
}

void Breaker::change(BreakerState to) noexcept {
    const auto next = (word_.load(std::memory_order_relaxed) >> state_bits) + 1;
    word_.store(next << state_bits | static_cast<std::uint64_t>(to), std::memory_order_relaxed);
}

void Breaker::back_off(SteadyTime now, std::uint64_t random) noexcept {
    const auto half = static_cast<std::uint64_t>(delay_.count() / 2);
    const auto wait = delay_ - nanoseconds(static_cast<nanoseconds::rep>(random % (half + 1)));
    delay_ = delay_ > rules_.back_off_max / 2 ? rules_.back_off_max : 2 * delay_;
    due_ = now + wait;
}

void Breaker::answered(Round round, SteadyTime now) {
    if (rules_.failures == 0) return;
    const std::lock_guard lock(mutex_);
    if (!is_current(round)) return;
    in_a_row_ = 0;
    last_answer_ = last_answer_ ? std::max(*last_answer_, now) : now;
}

std::optional<SteadyTime> Breaker::failed(Round round, SteadyTime now, std::uint64_t random) {
    if (rules_.failures == 0 || planted(Bug::breaker_never_opens)) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (!is_current(round)) return std::nullopt;
    if (in_a_row_ != UINT32_MAX) ++in_a_row_;
    if (in_a_row_ < rules_.failures && !planted(Bug::breaker_opens_at_once)) return std::nullopt;
    if (last_answer_ && now - *last_answer_ < rules_.silence) return std::nullopt;
    change(BreakerState::open);
    ++counts_.opened;
    probes_of_this_ = 0;
    opened_at_ = now;
    delay_ = rules_.back_off_min;
    back_off(now, random);
    return due_;
}

std::optional<std::uint64_t> Breaker::begin_probe(SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (state() != BreakerState::open || now < due_) return std::nullopt;
    change(BreakerState::half_open);
    ++probes_of_this_;
    ++counts_.probes;
    return probes_of_this_;
}

Breaker::Probed Breaker::end_probe(bool answered, SteadyTime now, std::uint64_t random) {
    const std::lock_guard lock(mutex_);
    Probed probed{probes_of_this_, now - opened_at_, std::nullopt};
    if (answered) {
        in_a_row_ = 0;
        last_answer_ = now;
        change(BreakerState::closed);
    } else {
        back_off(now, random);
        probed.due = due_;
        change(BreakerState::open);
    }
    return probed;
}

Breaker::Counts Breaker::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

} // namespace tiercel::chain
