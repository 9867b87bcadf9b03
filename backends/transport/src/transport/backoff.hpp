#pragma once

#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstdint>

namespace tiercel::transport {

/// When the next attempt to connect may be made.
/// Thread safety: none.
class Backoff {
public:
    Backoff(std::chrono::milliseconds min, std::chrono::milliseconds max) : min_(min), max_(max), delay_(min) {}

    bool allows(SteadyTime now) const noexcept { return now >= not_before_; }
    SteadyTime not_before() const noexcept { return not_before_; }

    /// An attempt failed: the wait doubles, up to the most, less a random share of up to a half, so that many clients
    /// of one server do not come back together. `random` is uniform.
    void failed(SteadyTime now, std::uint64_t random) noexcept;

    /// The server has served us.
    void succeeded() noexcept;

private:
    const std::chrono::milliseconds min_;
    const std::chrono::milliseconds max_;
    std::chrono::milliseconds delay_;
    SteadyTime not_before_ = SteadyTime::min();
};

} // namespace tiercel::transport
