#pragma once

#include "replication_info.hpp"
#include "transport/backoff.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace tiercel::redis {

// How it is known, not guessed, how far a replica is behind:
//
//     we        T0: ask the master ───────────────┐ its place P            ask the replica ──────┐ its place Q
//     master                          all it held at T0 is in P
//     replica                                                                              holds all that is in Q
//
// If Q is in the same history as P and not before it, the replica holds all that the master held at T0, whenever it was
// that either answered. So a read that begins at T and is answered by that replica gives nothing older than what the
// master held at T0; and T - T0 is the bound. The replica can lose what it held in two ways:
//
//     by a restart, with what its disk had   ends all connections to it: a reply does not count if there has been a new
//                                            session since it was asked
//     by a full synchronisation with a       ends none: it is found to be in another history, or before Q, when it is
//     server that has less                   asked next; until then, an interval of rounds, reads may be older

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
///        ├── it is in another history, or before where it was <───┤
///        └── a read or a question failed: left alone for the back-off <──┘
///
/// The back-off grows until a read has counted: a replica that says where it is may still be one that cannot be read.
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
    /// many sessions it had had when it was asked. Proves nothing while it is left alone.
    void on_place(SteadyTime now, std::optional<SteadyTime> held_until, ReplicationPlace place, std::uint64_t session);
    /// It did not answer, or said what makes no sense. `random` is uniform.
    void on_no_place(SteadyTime now, std::uint64_t random) noexcept;

    /// A read counted. False, and nothing is changed, if it began before the last failure.
    bool on_read() noexcept;
    /// A read found it of no use; see speaks_against.
    void on_failed_read(SteadyTime now, std::uint64_t random) noexcept;
    /// Its master is none.
    void on_no_master() noexcept { proof_.reset(); }

    /// It may be read: what it held then is not too old, and it has had no session since.
    bool is_readable(SteadyTime now, std::uint64_t session) const noexcept;
    /// It could be, but for a session since: to be asked again.
    bool is_in_doubt(SteadyTime now, std::uint64_t session) const noexcept;

    /// Whether a read that ended so speaks against the replica, and not against its reader alone: who waited for less
    /// than a server has for its answer to a question has learned nothing.
    static bool speaks_against(const Error& error, std::chrono::nanoseconds waited,
                               std::chrono::nanoseconds answer_within) noexcept;

private:
    struct Proof {
        SteadyTime held_until;  // holds all that the master held then
        ReplicationPlace place; // where it was when it said so
        std::uint64_t session;  // at the latest then
    };

    void leave_alone(SteadyTime now, std::uint64_t random) noexcept;

    const std::chrono::milliseconds max_staleness_;
    transport::Backoff backoff_;
    bool asking_ = false;
    std::optional<Proof> proof_; // none while the back-off lasts
};

/// When a master and its replicas are asked for their places: in rounds, which begin with the master.
///
///     resting ──begin()──> asking the master ──end()──> resting
///
/// Thread safety: none; its owner's mutex guards it.
class Rounds {
public:
    /// The delays are those between questions to a master that does not answer them.
    Rounds(std::chrono::milliseconds interval, std::chrono::milliseconds delay_min, std::chrono::milliseconds delay_max)
        : interval_(interval), backoff_(delay_min, delay_max) {}

    enum class Urgency : unsigned char {
        none,           ///< an interval after the last round began
        proof_in_doubt, ///< an eighth of one: connections are opened one after the other, each with a doubt
    };
    /// True if a round is to begin, which the caller then does.
    bool begin(SteadyTime now, Urgency urgency) noexcept;

    /// Otherwise the round is for the replicas alone.
    bool may_ask_master(SteadyTime now) const noexcept { return backoff_.allows(now); }
    /// `random` is uniform.
    void on_no_answer(SteadyTime now, std::uint64_t random) noexcept { backoff_.failed(now, random); }
    void on_answer() noexcept { backoff_.succeeded(); }
    void end() noexcept { running_ = false; }

private:
    const std::chrono::milliseconds interval_;
    transport::Backoff backoff_; // of the master
    bool running_ = false;
    std::optional<SteadyTime> began_; // the last one
};

} // namespace tiercel::redis
