#pragma once

#include "planted_bug.hpp"

#include <tiercel/options.hpp>
#include <tiercel/spi/clock.hpp>
#include <tiercel/stats.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace tiercel::chain {

/// Whether a tier is asked at all: the circuit breaker of Nygard's "Release It!", with the names that Polly and
/// resilience4j gave the states. It decides and does nothing: no clock, no timer, no I/O.
///
///            `failures` calls in a row have failed, and nothing was answered for `silence`
///     closed ────────────────────────────────────────────────────────────> open <──────────┐
///       ^                                                                    │ its time      │ end_probe(false):
///       │                                                                    │ has come:     │ a longer back-off
///       │               end_probe(true)                                      v begin_probe() │
///       └─────────────────────────────────────────────────────────────── half_open ──────────┘
///
/// Calls go only while it is closed. Of those who ask at once in the open state, one begin_probe() gets true; there is
/// no other way out of half_open than its end_probe(), so there is one probe at a time.
///
/// A call that goes gets the round it belongs to: rounds count the changes of state. What comes of a call when the
/// round is another is old news and changes nothing, whenever it comes: neither do the calls that hung with the one
/// that opened it open it twice, nor do those among them that end after it has closed count against it.
///
/// A success does not close an open breaker and a single failure of many calls does not open it: see core/README.md for
/// why the failures count in a row, and what was decided against.
///
/// Back-off: from back_off_min, doubled with each probe that fails, to back_off_max; each wait is shortened by a random
/// share of up to a half, so that a fleet does not probe in step.
///
/// Memory order: word_ has state and round in one, so that admit() sees a round together with its state. It is changed
/// under mutex_ only. Nothing else is published through it, and a call that goes or stays away by a state of some
/// nanoseconds ago is no different from one that was that much earlier: relaxed is enough. The rest is under mutex_.
/// Thread safety: all members may be called concurrently.
class Breaker {
public:
    struct Rules {
        std::uint32_t failures = 0; ///< 0: it never opens
        std::chrono::nanoseconds silence{};
        std::chrono::nanoseconds back_off_min{};
        std::chrono::nanoseconds back_off_max{};
    };
    enum class Round : std::uint64_t {};

    explicit Breaker(const Rules& rules) : rules_(rules), delay_(rules.back_off_min) {}

    BreakerState state() const noexcept { return state_of(word_.load(std::memory_order_relaxed)); }
    bool is_closed() const noexcept { return state() == BreakerState::closed; }

    /// A call may go now: what is to be said of it belongs to this round. Empty: it may not.
    std::optional<Round> admit() const noexcept {
        const auto word = word_.load(std::memory_order_relaxed);
        if (state_of(word) != BreakerState::closed && !planted(Bug::open_breaker_lets_writes_through))
            return std::nullopt;
        return Round{word >> state_bits};
    }

    /// A call of that round was answered at `now`.
    void answered(Round round, SteadyTime now);

    /// A call of that round failed at `now`. Not empty: this is what opened it, and the first probe is due then.
    std::optional<SteadyTime> failed(Round round, SteadyTime now, std::uint64_t random);

    /// Not empty for one caller when it is open and the back-off is over: that one probes, and calls end_probe(). How
    /// many have since it opened, with this one.
    std::optional<std::uint64_t> begin_probe(SteadyTime now);

    struct Probed {
        std::uint64_t probes = 0;            ///< since it opened
        std::chrono::nanoseconds open_for{}; ///< since it left closed
        std::optional<SteadyTime> due;       ///< the next probe is due then; empty: it is closed
    };
    Probed end_probe(bool answered, SteadyTime now, std::uint64_t random);

    struct Counts {
        std::uint64_t opened = 0; ///< times it went from closed to open
        std::uint64_t probes = 0;
    };
    Counts counts() const;

private:
    static constexpr unsigned state_bits = 2;
    static BreakerState state_of(std::uint64_t word) noexcept {
        return static_cast<BreakerState>(word & ((1U << state_bits) - 1));
    }
    bool is_current(Round round) const noexcept;
    void change(BreakerState to) noexcept;
    void back_off(SteadyTime now, std::uint64_t random) noexcept;

    const Rules rules_;
    std::atomic<std::uint64_t> word_{0}; ///< the round, and in the low bits the state

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    std::uint32_t in_a_row_ = 0; ///< failures since the last answer
    std::optional<SteadyTime> last_answer_;
    std::chrono::nanoseconds delay_; ///< the next wait, before its random share is taken off
    SteadyTime opened_at_{};
    SteadyTime due_{}; ///< of the next probe, while open
    std::uint64_t probes_of_this_ = 0;
    Counts counts_;
};

} // namespace tiercel::chain
