#pragma once

#include "transport/admission.hpp"
#include "transport/backoff.hpp"
#include "transport/call.hpp"
#include "transport/codec.hpp"
#include "transport/connection_limits.hpp"
#include "transport/endpoint.hpp"
#include "transport/pipeline.hpp"
#include "transport/resumer.hpp"
#include "transport/session.hpp"

#include <tiercel/spi/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tiercel::transport {

/// Sends the calls of any number of callers over one socket, makes that socket when there is something to send, and
/// settles each call once.
///
///     idle ──a call, and the back-off allows──> connecting ──greeted────> connected
///       ^                                            │                        │
///       └────────────── failure, timeout ────────────┴──── loss, silence ─────┘
///
/// Calls that come while it is connecting wait for it, up to their deadline; calls that come while the back-off lasts
/// fail at once with the reason of the last failure.
///
/// Thread safety: submit and close may be called from anywhere; all else happens on the strand.
/// Lifetime: shared with what is under way on the strand; ends after close, or with the runtime's event loop, which it
/// does not keep: whoever submits calls does.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// The limits have been judged.
    Connection(spi::Runtime& runtime, Endpoint to, std::shared_ptr<const Protocol> protocol,
               const ConnectionLimits& limits);

    /// Settles the call by its deadline. It may be settled already when this returns.
    void submit(CallPtr call);

    /// Settles a call that was submitted with Errc::cancelled, soon, unless it is settled before. Its late replies
    /// reach nobody.
    void cancel(CallPtr call);

    /// Ends what is outstanding with Errc::closed; later calls end the same. Idempotent.
    void close() noexcept;

    const std::string& label() const noexcept { return label_; }

    /// For coroutines of the event loop, which has work until their calls are settled: the connection's.
    const std::shared_ptr<Resumer>& resumer() const noexcept { return resumer_; }

private:
    using SessionPtr = std::shared_ptr<Session>;

    void drain();
    void serve(SteadyTime now);
    void shut_down();

    void start_session();
    boost::asio::awaitable<void> run(SessionPtr session);
    void lose(SessionPtr session, const Error& why);

    void write_more(SteadyTime now);
    void write_some(const SessionPtr& session);

    void arm_timer();
    void on_timer();

    const std::shared_ptr<Resumer> resumer_;
    const boost::asio::any_io_executor strand_;
    const Endpoint endpoint_;
    const std::shared_ptr<const Protocol> protocol_;
    const std::string label_;
    const std::chrono::milliseconds connect_timeout_;
    Admission admission_;

    std::mutex mutex_; // guards the next three
    std::vector<CallPtr> inbox_;
    bool drain_posted_ = false;
    bool closed_ = false;

    // Only on the strand.
    Pipeline pipeline_;
    Backoff backoff_;
    std::mt19937_64 jitter_;
    std::optional<Error> last_failure_;
    std::vector<CallPtr> drained_; // empty but for its room
    SessionPtr session_;           // null while idle
    boost::asio::steady_timer timer_;
    std::optional<SteadyTime> timer_set_for_;
    bool shut_down_ = false;
};

} // namespace tiercel::transport
