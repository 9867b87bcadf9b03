#pragma once

#include "transport/backoff.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace tiercel::redis {

/// When something that others know is asked for anew, and what came of the last time. Decides only.
///
///     settled ──begin, and the back-off allows──> running ──succeeded, failed──> settled
///
/// One refresh at a time. The back-off starts anew with every refresh that changes something, and doubles with every
/// one that does not.
///
/// Thread safety: none; its owner's mutex guards it.
class RefreshState {
public:
    RefreshState(std::chrono::milliseconds delay_min, std::chrono::milliseconds delay_max)
        : backoff_(delay_min, delay_max) {}

    enum class Beginning : unsigned char {
        not_yet, ///< the back-off lasts
        running, ///< one is under way
        begun,   ///< the caller is to do it
    };
    Beginning begin(SteadyTime now) noexcept {
        if (running_) return Beginning::running;
        if (!backoff_.allows(now)) return Beginning::not_yet;
        running_ = true;
        return Beginning::begun;
    }
    /// The same, whatever the back-off says.
    Beginning begin_at_once() noexcept {
        if (running_) return Beginning::running;
        running_ = true;
        return Beginning::begun;
    }

    /// What is known is new until `good_for` is over. `random` is uniform.
    void succeeded(bool changed, SteadyTime now, std::chrono::milliseconds good_for, std::uint64_t random) noexcept {
        if (changed) {
            ++generation_;
            backoff_.succeeded();
        }
        backoff_.failed(now, random); // the least distance to the next one
        due_ = now + good_for;
        failure_.reset();
        running_ = false;
    }
    void failed(Error why, SteadyTime now, std::uint64_t random) noexcept {
        failure_ = std::move(why);
        backoff_.failed(now, random);
        running_ = false;
    }

    /// Moves with every change, for those who wait for one.
    std::uint64_t generation() const noexcept { return generation_; }
    void changed() noexcept { ++generation_; }
    bool is_due(SteadyTime now) const noexcept { return now >= due_; }
    /// Of the last refresh.
    const std::optional<Error>& failure() const noexcept { return failure_; }

private:
    transport::Backoff backoff_;
    bool running_ = false;
    std::uint64_t generation_ = 0;
    SteadyTime due_ = SteadyTime::min();
    std::optional<Error> failure_;
};

} // namespace tiercel::redis
