#pragma once

#include "transport/backoff.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace tiercel::memcached {

/// Whether a server is served by the gutter. Decides only: it is given the time and the news.
///
///     alive ──no connection; or no answer for `dead_after`──> dead ──a probe is answered──> alive
///                                                              ^ │
///                                                              └─┘ one probe at a time, when the back-off is over
///
/// Thread safety: none.
class Liveness {
public:
    Liveness(std::chrono::milliseconds dead_after, std::chrono::milliseconds min, std::chrono::milliseconds max)
        : dead_after_(dead_after), backoff_(min, max) {}

    bool is_dead() const noexcept { return dead_; }

    /// True to one caller when a probe is due, who then tells probed(). Nothing is probed while nobody asks.
    bool may_probe(SteadyTime now) noexcept;
    /// `random` is uniform.
    void probed(bool answered, SteadyTime now, std::uint64_t random) noexcept;

    /// A call was answered.
    void answered() noexcept;
    /// A call failed; `why` not to be an answer of the server's. `random` is uniform.
    void failed(Errc why, SteadyTime now, std::uint64_t random) noexcept;

private:
    const std::chrono::milliseconds dead_after_;
    transport::Backoff backoff_;
    std::optional<SteadyTime> failing_since_; // the first failure after the last answer
    bool dead_ = false;
    bool probing_ = false;
};

} // namespace tiercel::memcached
