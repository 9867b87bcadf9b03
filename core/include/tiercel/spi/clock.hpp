#pragma once

#include <chrono>

namespace tiercel {

/// Monotonic time: deadlines, time to live in the process.
using SteadyTime = std::chrono::steady_clock::time_point;
/// Wall time, microseconds: only for what leaves the process (the envelope).
using SystemTime = std::chrono::sys_time<std::chrono::microseconds>;

namespace spi {

/// The only source of time inside core; a test advances its own.
/// Thread safety: all members may be called concurrently.
class Clock {
public:
    virtual ~Clock() = default;
    virtual SteadyTime now() const noexcept = 0;
    /// A time that is cheaper to read: never later than now(), and behind it by less than `coarse_lag`.
    virtual SteadyTime coarse_now() const noexcept { return now(); }
    static constexpr std::chrono::seconds coarse_lag{1};
    virtual SystemTime wall_now() const noexcept = 0;
};

} // namespace spi
} // namespace tiercel
