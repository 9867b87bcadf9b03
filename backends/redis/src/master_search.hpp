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
///                                            │        ^
///                                            v        └── the next
///                          it says that it is not, or cannot be reached; none left ──> not found
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
    bool is_listening() const noexcept { return listening_; }

    /// The node that is to be asked for its role; empty when there is none left. Not while listening.
    std::optional<NodeAddress> candidate() const;
    /// What came of it. Success: it is the master, and the search is over.
    void on_role(const Result<void>& role);

    /// Of a search that found nothing: what is known of the node that was taken for the master until now. True if the
    /// sentinels name another, or it is none by its own word.
    bool deposes(const NodeAddress& former) const;
    /// Likewise: why.
    const Error& failure() const noexcept { return failure_; }

private:
    enum class State : unsigned char { untried, passed_over, unreachable, denies };
    struct Candidate {
        NodeAddress address;
        std::uint64_t epoch = 0;
        std::size_t votes = 0;
        State state = State::untried;
    };

    bool has_heard_enough() const noexcept;
    void rank();
    void choose();
    void blame(const Error& error);

    std::vector<std::optional<Voice>> waiting_; // of each sentinel; empty: has answered
    std::size_t told_ = 0;                      // those that named a master
    bool listening_ = true;
    std::vector<Candidate> candidates_; // once ranked: the best first, each address once
    std::size_t current_ = 0;           // of candidates_
    Error failure_;
};

} // namespace tiercel::redis
