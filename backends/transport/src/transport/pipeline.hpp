#pragma once

#include "transport/admission.hpp"
#include "transport/call.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::transport {

/// Which reply belongs to whom. Decides only: it is given the time, the replies and the news of the socket.
///
///     add ──> waiting ──take──> in flight ──last reply──> done
///                │                  │
///                └── deadline ──────┴── deadline or loss ──> done, with an error
///
/// A call is in `waiting_` or has a slot in `in_flight_`, never both; until it is done it is in `by_deadline_` too.
/// The slots stand in the order in which their requests were written, and only the server's replies remove them: a
/// call that is done early leaves its slot behind, which swallows its late replies. So no reply reaches another call.
///
/// Thread safety: none, but the Admission is shared with those who add.
class Pipeline {
public:
    Pipeline(std::string label, std::chrono::milliseconds max_silence, Admission& admission)
        : label_(std::move(label)), max_silence_(max_silence), admission_(admission) {}
    /// Settled calls are collected in `settled` instead of being told at once, for tell(): a lock need not be held
    /// then.
    void defer_telling(std::vector<CallPtr>& settled) noexcept { settled_ = &settled; }
    static void tell(Call& settled) noexcept { settled.done(); }

    /// Drops what is left, unsettled.
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// Takes a call that has entered the admission, which it leaves in time.
    void add(CallPtr call, SteadyTime now);

    bool has_waiting() const noexcept { return !waiting_.empty(); }
    bool has_in_flight() const noexcept { return !in_flight_.empty(); }
    bool has_unsettled() const noexcept { return !by_deadline_.empty(); }

    /// Appends the requests of waiting calls to `out`, one at least if there is one, while it stays within
    /// `max_bytes`; they are then in flight.
    void take(Bytes& out, std::size_t max_bytes, SteadyTime now);

    /// The next reply of the server.
    /// Errors: protocol_error for a reply that nobody asked for, or that names another request than the one whose turn
    /// it is; the call that it would have reached is still to be ended.
    Result<void> on_reply(Reply reply);

    /// The socket has brought bytes, or has taken a part of a request too large to take at once.
    void on_progress(SteadyTime now) noexcept { last_progress_ = now; }
    SteadyTime last_progress() const noexcept { return last_progress_; }

    /// Ends a call that was added, with Errc::cancelled, unless it is settled.
    void cancel(Call& call);

    /// Ends the calls whose deadline has come with Errc::timeout.
    void expire(SteadyTime now);

    /// Something is in flight, and for max_silence nothing has moved; or what did was of use to nobody, and the caller
    /// whose turn it is has given up too. So goes on for ever a stream that is out of step: one that has lost a reply
    /// brings with each request the answer to the one before it.
    bool is_silent(SteadyTime now) const noexcept;
    /// When it will be, if nothing moves until then; SteadyTime::max() while nothing is in flight.
    SteadyTime silent_at() const noexcept;

    /// When expire or is_silent next has something to say.
    std::optional<SteadyTime> next_event() const noexcept;

    /// Ends what was never sent.
    void fail_waiting(const Error& why);
    /// Ends what is in flight and forgets the slots: the connection is gone.
    void fail_in_flight(const Error& why);

private:
    struct Slot {
        CallPtr call;
        std::size_t replies_left;
    };
    struct ByDeadline {
        bool operator()(const Call& a, const Call& b) const noexcept { return a.deadline < b.deadline; }
    };
    using Waiting = boost::intrusive::list<Call, boost::intrusive::member_hook<Call, Call::Hook, &Call::waiting_hook>>;
    using Deadlines =
        boost::intrusive::multiset<Call, boost::intrusive::compare<ByDeadline>,
                                   boost::intrusive::member_hook<Call, Call::SetHook, &Call::deadline_hook>>;

    static bool names_request(const Reply& reply, const Slot& slot) noexcept;
    void finish(Call& call, std::optional<Error> error) noexcept;
    Error timeout_of(const Call& call) const;

    const std::string label_;
    const std::chrono::milliseconds max_silence_;
    Admission& admission_;
    Waiting waiting_;
    std::deque<Slot> in_flight_;
    Deadlines by_deadline_;
    SteadyTime last_progress_{};
    SteadyTime last_use_{}; ///< somebody got a reply, or something went into flight when nothing was
    std::vector<CallPtr>* settled_ = nullptr;
};

} // namespace tiercel::transport
