#pragma once

#include <tiercel/spi/clock.hpp>

#include <atomic>
#include <chrono>

namespace tiercel::testing {

/// A clock that stands still until it is told to move. Begins an hour after the steady clock's epoch, at the start of
/// the year 2024.
/// Thread safety: all members may be called concurrently.
class ManualClock : public spi::Clock {
public:
    SteadyTime now() const noexcept override { return SteadyTime(std::chrono::hours(1) + elapsed()); }
    SystemTime wall_now() const noexcept override {
        using namespace std::chrono;
        return SystemTime(sys_days(2024y / January / 1d)) + floor<microseconds>(elapsed());
    }

    void advance(std::chrono::nanoseconds by) noexcept { elapsed_.fetch_add(by.count()); }

private:
    std::chrono::nanoseconds elapsed() const noexcept { return std::chrono::nanoseconds(elapsed_.load()); }

    std::atomic<std::chrono::nanoseconds::rep> elapsed_ = 0;
};

} // namespace tiercel::testing
