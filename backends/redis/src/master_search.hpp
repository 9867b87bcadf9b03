#pragma once

#include "node_address.hpp"
#include "sentinel_reply.hpp"

#include <tiercel/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tiercel::redis {

/// Finds the master from what the sentinels say and from what the nodes say of themselves. Decides only: it is given
/// the answers.
///
///     listening ──enough have answered──> trying a candidate ──it says that it is the master──> found
///         ^                                │            │
///         └── more are to be heard ────────┤            └── it says that it is not, or cannot be reached
///                                          └── nobody is left ──> not found
///
/// Sentinels that disagree: the highest epoch comes first, as among the sentinels themselves; of the same, what more of
/// them say. A candidate that says that it is no master is passed over. One that cannot be reached may yet be the
/// master, and what has a lower epoch an old one that does not know: it is tried only if most sentinels name it.
///
/// Thread safety: none.
class MasterSearch {
public:
    enum class Voice : unsigned char {
        awaited,  ///< its answer is waited for, until most have answered
        doubtful, ///< has failed before: waited for only while nobody else has told
        needed,   ///< its answer is waited for in any case
    };

    explicit MasterSearch(const std::vector<Voice>& sentinels);

    /// Each sentinel answers or fails once.
    void on_answer(std::size_t sentinel, Result<SentinelAnswer> answer);
    /// What came of asking the candidate for its role. Success: it is the master, and the search is over.
    void on_role(const Result<void>& role);

    enum class State : unsigned char {
        listening, ///< to the sentinels
        trying,    ///< candidate() is to be asked for its role
        not_found,
    };
    State state() const noexcept { return state_; }
    /// Only while trying.
    const NodeAddress& candidate() const noexcept { return trying_; }

    /// Of a search that found nothing: what is known of the node that was taken for the master until now. True if the
    /// sentinels name another, or it is none by its own word.
    bool deposes(const NodeAddress& former) const;
    /// Likewise: why.
    const Error& failure() const noexcept { return failure_; }

private:
    enum class Word : unsigned char { unasked, unreachable, denies };
    struct Candidate {
        NodeAddress address;
        std::uint64_t epoch = 0;
        std::size_t votes = 0;
        Word word = Word::unasked;
    };

    bool is_waiting_for(Voice voice) const noexcept;
    bool has_heard_enough() const noexcept;
    void go_on();
    void blame(const Error& error);

    State state_ = State::listening;
    NodeAddress trying_;
    std::vector<std::optional<Voice>> waiting_; // of each sentinel; empty: has answered
    std::size_t told_ = 0;                      // those that named a master
    std::vector<Candidate> candidates_;         // each address once; the best first when something was decided
    Error failure_;
};

} // namespace tiercel::redis
