#pragma once

#include "transport/admission.hpp"
#include "transport/backoff.hpp"
#include "transport/codec.hpp"
#include "transport/connection_limits.hpp"
#include "transport/driven_socket.hpp"
#include "transport/endpoint.hpp"
#include "transport/pipeline.hpp"
#include "transport/session.hpp"

#include <tiercel/spi/run_loop.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tiercel::transport {

/// One plain socket for callers that block: they drive it themselves, so that a call needs no thread but its caller's.
///
///     idle ──a call, and the back-off allows──> connecting ──greeted──> connected
///       ^                                            │                      │
///       └────────────── failure, timeout ────────────┴──── loss, silence ───┘
///
/// Connecting is done on the event loop, by a Session that then gives its socket up. While connected there are two
/// roles, each with one thread at most, which may be the same:
///
///     writer   takes what waits in the pipeline and sends it. Who submits a call becomes it, unless there is one, who
///              then takes that call too.
///     reader   polls, receives, decodes, settles whatever comes. Who waits for a call becomes it, unless there is one;
///              it goes when it has something to do for itself (its own call is settled), and wakes the caller that
///              has waited longest, to be the next.
///
/// Both work on the socket without the lock and on the pipeline with it. A caller that goes before its call is settled
/// (its deadline, a wait inside its wait) leaves the call to the others, or, if there are none, to the event loop,
/// which is then the reader. When nobody waits nobody reads: what comes late is read, and discarded, by the next
/// caller, who also finds out whether the socket has been closed meanwhile.
///
/// Thread safety: submit from the thread that lends the loop; close from anywhere; drive, left and interrupt as RunLoop
/// calls them. All state is under mutex_, which comes before the mutexes of RunLoops.
/// Lifetime: as of Connection; a loop that drives it shares it.
class DrivenConnection final : public spi::RunLoop::Driver, public std::enable_shared_from_this<DrivenConnection> {
public:
    /// Not for an endpoint with TLS.
    DrivenConnection(spi::Runtime& runtime, Endpoint to, std::shared_ptr<const Protocol> protocol,
                     const ConnectionLimits& limits);
    ~DrivenConnection() override;

    /// Settles the call by its deadline, perhaps before this returns. `loop` is the calling thread's, and driven by
    /// this connection.
    void submit(const CallPtr& call, const std::shared_ptr<spi::RunLoop>& loop);

    /// Ends what is outstanding with Errc::closed; later calls end the same. Idempotent.
    void close() noexcept;

    SteadyTime drive(spi::RunLoop& loop, SteadyTime until) override;
    void interrupt(const spi::RunLoop& loop) noexcept override;
    void left(spi::RunLoop& loop) noexcept override;

private:
    using SocketPtr = std::shared_ptr<DrivenSocket>;
    /// Of mutex_. Tells the calls that were settled under it once it is let go.
    class Lock;
    struct Waiter {
        CallPtr call;
        std::shared_ptr<spi::RunLoop> loop;
    };

    void serve(Lock& lock, SteadyTime now);
    void flush(Lock& lock);
    void look_after_idleness(SteadyTime now);
    void take(const SocketPtr& wire, DrivenSocket::Received& received, SteadyTime now);
    void lose(SocketPtr wire, const Error& why, SteadyTime now);
    void judge_silence(SteadyTime now);
    void connect_or_fail(SteadyTime now);

    void start_session();
    boost::asio::awaitable<void> run(std::shared_ptr<Session> session);
    void session_failed(const std::shared_ptr<Session>& session, const Error& why);

    void forget_settled();
    void appoint();
    void poke() noexcept;
    SteadyTime deadline_of(const spi::RunLoop& loop) const;
    void leave_to_home();
    boost::asio::awaitable<void> drive_at_home(std::shared_ptr<DrivenConnection> self);

    const boost::asio::any_io_executor strand_;
    const Endpoint endpoint_;
    const std::shared_ptr<const Protocol> protocol_;
    const std::string label_;
    const std::chrono::milliseconds connect_timeout_;
    const int interrupts_; // an eventfd
    Admission admission_;

    std::mutex mutex_;
    // Guarded by mutex_.
    Pipeline pipeline_;
    Backoff backoff_;
    std::mt19937_64 jitter_;
    std::optional<Error> last_failure_;
    std::shared_ptr<Session> session_; // while connecting
    SocketPtr wire_;                   // while connected
    std::deque<Waiter> waiters_;       // in the order of their calls; the settled ones among them are dropped in time
    bool at_home_ = false;             // drive_at_home runs
    bool home_reads_ = false;          // and is the reader
    std::vector<CallPtr> settled_;     // and not told yet
    bool closed_ = false;

    /// The loop whose thread is in the reader's wait, or about to be: see interrupt().
    std::atomic<const spi::RunLoop*> polling_{nullptr};

    boost::asio::steady_timer home_timer_; // only on the strand
};

} // namespace tiercel::transport
