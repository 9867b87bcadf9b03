#pragma once

#include "replication_info.hpp"
#include "transport/backoff.hpp"

#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>

namespace tiercel::redis {

// How it is known, not guessed, how far a replica is behind:
//
//     we        T0: ask the master ───────────────┐ its place P            ask the replica ──────┐ its place Q
//     master                          all it held at T0 is in P
//     replica                                                                              holds all that is in Q
//
// If Q is in the same history as P and not before it, the replica holds all that the master held at T0, whenever it was
// that either answered. From then on it loses nothing of that but by a restart, with what its disk had; that ends all
// connections to it, and is what `sessions` are for. So a read that begins at T and is answered by that replica, with
// no new session since it was asked, gives nothing older than what the master held at T0; and T - T0 is the bound.

/// What a master said of its place, and since when it has been there: at least since it was asked.
/// Thread safety: none; its owner's mutex guards it.
class MasterHistory {
public:
    explicit MasterHistory(std::chrono::milliseconds max_staleness) : max_staleness_(max_staleness) {}

    /// `asked_at` is before the request was sent. Ascending.
    void on_answer(SteadyTime asked_at, const ReplicationPlace& place);
    /// It may not be the master any more, or has not answered.
    void forget() noexcept { samples_.clear(); }

    /// The latest time at which the master held nothing that is not at `place`; empty if none is known, or the place is
    /// in another history.
    std::optional<SteadyTime> held_until(const ReplicationPlace& place) const;

    std::size_t size() const noexcept { return samples_.size(); }
    /// Of samples: those that lie closer together than an eighth of the staleness make room.
    static constexpr std::size_t max_size = 12;

private:
    struct Sample {
        SteadyTime asked_at;
        std::uint64_t offset;
    };

    const std::chrono::milliseconds max_staleness_;
    std::string history_;
    std::deque<Sample> samples_; // ascending in both
};

/// Whether one replica may be read:
///
///     unproven ──in sync, and held what the master held at T0──> proven, until T0 + max_staleness
///        ^                                                        │
///        ├── time is over, or the replica has a new session <─────┤
///        └── a read or a question failed: left alone for the back-off <──┘
///
/// Thread safety: none; its owner's mutex guards it.
class ReplicaLag {
public:
    ReplicaLag(std::chrono::milliseconds max_staleness, std::chrono::milliseconds delay_min,
               std::chrono::milliseconds delay_max)
        : max_staleness_(max_staleness), backoff_(delay_min, delay_max) {}

    /// True if the replica is to be asked for its place, which the caller then does: one question at a time.
    bool begin_question(SteadyTime now) noexcept;

    /// It answered. `held_until` is MasterHistory's word on its place, empty if it is not in sync; `session` is how
    /// many sessions it had had when it was asked.
    void on_place(std::optional<SteadyTime> held_until, std::uint64_t session) noexcept;
    /// It did not answer, or said what makes no sense. `random` is uniform.
    void on_no_place(SteadyTime now, std::uint64_t random) noexcept;

    /// A read found it of no use.
    void on_failed_read(SteadyTime now, std::uint64_t random) noexcept;

    /// It may be read: what it held then is not too old, and it has had no session since.
    bool is_readable(SteadyTime now, std::uint64_t session) const noexcept;

private:
    void leave_alone(SteadyTime now, std::uint64_t random) noexcept;

    const std::chrono::milliseconds max_staleness_;
    transport::Backoff backoff_;
    bool asking_ = false;
    std::optional<SteadyTime> held_until_; // holds all that the master held then
    std::uint64_t session_ = 0;            // at the latest when it said so
};

} // namespace tiercel::redis
