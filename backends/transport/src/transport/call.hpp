#pragma once

#include "transport/reply.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/container/small_vector.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace tiercel::transport {

/// Some commands sent together, and what came of them. Made by a caller, worked by one connection, then read by the
/// caller again: `done` is the hand-over, after which the connection touches neither `replies` nor `error`.
class Call : public boost::intrusive_ref_counter<Call, boost::thread_safe_counter> {
public:
    Call(Bytes request_bytes, std::size_t command_count, SteadyTime latest, std::uint32_t tag_of_first = 0)
        : commands(command_count),
          deadline(latest),
          bytes(request_bytes.size()),
          first_tag(tag_of_first),
          request(std::move(request_bytes)) {
        replies.reserve(command_count);
    }
    virtual ~Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    const std::size_t commands;
    const SteadyTime deadline;
    const std::size_t bytes; ///< of the request
    /// What the reply to the first command has to name, the next one's being one more; 0 where replies name nothing.
    const std::uint32_t first_tag;

    /// Of the first commands, in order; of all of them when there is no error.
    boost::container::small_vector<Reply, 1> replies;
    /// Why the commands after these have no reply.
    std::optional<Error> error;

    /// Its connection's to ask.
    bool is_settled() const noexcept { return stage == Stage::done; }

    /// Ends a call that no pipeline has seen.
    void reject(Error why) noexcept {
        error = std::move(why);
        done();
    }

private:
    friend class Pipeline;
    using Hook = boost::intrusive::list_member_hook<>;
    using SetHook = boost::intrusive::set_member_hook<>;
    enum class Stage : unsigned char { fresh, waiting, in_flight, done };

    /// Called once, when the outcome is settled. May be the end of the caller's patience, not of the call's replies.
    virtual void done() noexcept = 0;

    // The pipeline's.
    Bytes request; // until it is on its way
    Stage stage = Stage::fresh;
    Hook waiting_hook;
    SetHook deadline_hook;
    boost::intrusive_ptr<Call> held; // itself, while the pipeline has it among the waiting
};

using CallPtr = boost::intrusive_ptr<Call>;

} // namespace tiercel::transport
