#include "transport/driven_connection.hpp"

#include "transport/connection_errors.hpp"
#include "transport/write_buffer.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;
using boost::system::error_code;
using spi::RunLoop;

namespace {

/// How often a writer comes back for what others have submitted meanwhile, before it looks after its own call.
constexpr int writes_for_others = 16;
/// A socket that has been idle for this long is looked at before it is written to: the server may have closed it.
constexpr std::chrono::milliseconds idle_for_long{10};
/// How long a wait may be that nobody can interrupt, since the process has no descriptor left for an eventfd.
constexpr std::chrono::milliseconds look_without_interrupts_after{10};

} // namespace

DrivenConnection::DrivenConnection(spi::Runtime& runtime, Endpoint to, std::shared_ptr<const Protocol> protocol,
                                   const ConnectionLimits& limits)
    : strand_(asio::make_strand(runtime.executor())),
      endpoint_(std::move(to)),
      protocol_(std::move(protocol)),
      label_(endpoint_.label(protocol_->name())),
      connect_timeout_(limits.connect_timeout),
      interrupts_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      admission_(limits.max_pending_calls, limits.max_pending_bytes),
      pipeline_(label_, limits.max_silence, admission_),
      backoff_(limits.reconnect_delay_min, limits.reconnect_delay_max),
      jitter_(runtime.random()),
      home_timer_(strand_) {
    pipeline_.defer_telling(settled_);
}

DrivenConnection::~DrivenConnection() {
    if (interrupts_ >= 0) ::close(interrupts_);
}

void DrivenConnection::submit(const CallPtr& call, const std::shared_ptr<RunLoop>& loop) {
    if (auto entered = admission_.enter(call->bytes); !entered) {
        call->reject(Error(entered.error().code(), label_ + ": " + entered.error().message()));
        return;
    }
    Lock lock(*this);
    if (closed_) {
        lock.unlock();
        admission_.leave(call->bytes);
        call->reject(closed_error(label_));
        return;
    }
    const auto now = SteadyTime::clock::now();
    try {
        look_after_idleness(now);
    } catch (const std::exception&) {
        recover(wire_);
    }
    pipeline_.add(call, now);
    waiters_.push_back({call, loop});
    serve(lock, now);
}

void DrivenConnection::cancel(const CallPtr& call) {
    const Lock lock(*this);
    pipeline_.cancel(*call);
}

void DrivenConnection::close() noexcept {
    const Lock lock(*this);
    if (std::exchange(closed_, true)) return;
    const auto why = closed_error(label_);
    if (const auto session = std::exchange(session_, nullptr)) {
        asio::post(strand_, [session] { session->abort(); });
    }
    if (const auto wire = std::exchange(wire_, nullptr)) wire->socket.shut_down();
    pipeline_.fail_in_flight(why);
    pipeline_.fail_waiting(why);
    waiters_.clear();
    if (at_home_) asio::post(strand_, [self = shared_from_this()] { self->home_timer_.cancel(); });
}

SteadyTime DrivenConnection::drive(RunLoop& loop, SteadyTime until) {
    Lock lock(*this);
    const auto now = SteadyTime::clock::now();
    const auto wire = wire_;
    if (!wire || wire->reading) {
        pipeline_.expire(now);
        return deadline_of(loop);
    }
    wire->reading = true;
    polling_.store(&loop, std::memory_order_relaxed);
    try {
        drive_as_reader(lock, wire, loop, until, now);
    } catch (const std::exception&) {
        recover(wire);
    }
    wire->reading = false;
    wire->reader_wakes_at = SteadyTime::min();
    const RunLoop* mine = &loop;
    polling_.compare_exchange_strong(mine, nullptr, std::memory_order_relaxed);
    if (wire != wire_ && wire_ && wire_->reading) poke(); // what was meant for that one may have come here
    appoint(&loop);
    return SteadyTime::min();
}

void DrivenConnection::drive_as_reader(Lock& lock, const SocketPtr& wire, const RunLoop& loop, SteadyTime until,
                                       SteadyTime now) {
    DrivenSocket::Received received;
    if (const auto next = pipeline_.next_event(); next && *next <= now) {
        // Back from something else, and late: what has come meanwhile has come in time.
        wire->receive(received, label_);
        take(wire, received, now);
        pipeline_.expire(now);
    }
    for (;;) {
        flush(lock);
        if (wire != wire_ || now >= until) return;
        const auto next = pipeline_.next_event();
        auto wake_at = next ? std::min(until, *next) : until;
        if (interrupts_ < 0) wake_at = std::min(wake_at, now + look_without_interrupts_after);
        const auto what =
            wire->stuffed && !wire->writing ? PlainSocket::For::replies_and_room : PlainSocket::For::replies;
        wire->reader_wakes_at = wake_at;
        PlainSocket::Ready ready;
        {
            const Lock::Release released(lock); // here the loop hears of its own call
            if (loop.has_work()) return;
            ready = wire->socket.wait_for(what, interrupts_, wake_at);
            if (ready.to_receive) wire->receive(received, label_);
        }
        wire->reader_wakes_at = SteadyTime::min();
        now = SteadyTime::clock::now();
        if (ready.to_send) wire->stuffed = false;
        take(wire, received, now);
        pipeline_.expire(now);
        judge_silence(now);
    }
}

/// Memory ran out in the middle of something: the socket is of no further use.
void DrivenConnection::recover(const SocketPtr& wire) {
    if (!wire) return;
    lose(wire, Error(Errc::connection_lost, label_ + ": out of memory"), SteadyTime::clock::now());
}

/// Only a thread in the wait needs it. One that is about to wait has set polling_ before it asked its loop for work;
/// who gave the loop work since then had the loop's mutex after it, and sees polling_.
void DrivenConnection::interrupt(const RunLoop& loop) noexcept {
    if (polling_.load(std::memory_order_relaxed) == &loop) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(interrupts_, &one, sizeof one);
    }
}

/// The reader is to look at the pipeline and the loop again. Under the lock if the event loop may be the reader.
void DrivenConnection::poke() noexcept {
    if (home_reads_) {
        asio::post(strand_, [self = shared_from_this()] { self->home_timer_.cancel(); });
        return;
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(interrupts_, &one, sizeof one);
}

void DrivenConnection::left(RunLoop& loop) noexcept {
    const Lock lock(*this);
    std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.loop.get() == &loop; });
    appoint();
}

/// Under the lock, which it may let go for a while.
void DrivenConnection::serve(Lock& lock, SteadyTime now) {
    if (wire_) {
        flush(lock);
    } else {
        connect_or_fail(now);
    }
}

void DrivenConnection::connect_or_fail(SteadyTime now) {
    if (session_ || !pipeline_.has_waiting()) return;
    if (backoff_.allows(now)) {
        start_session();
    } else {
        pipeline_.fail_waiting(*last_failure_);
    }
}

/// The writer's part.
void DrivenConnection::flush(Lock& lock) {
    const auto wire = wire_;
    if (!wire || wire->writing || wire->stuffed) return;
    wire->writing = true;
    for (int round = 0; round < writes_for_others && wire == wire_;) {
        if (!wire->has_outgoing()) {
            ++round;
            clear_keeping(wire->outgoing, kept_bytes);
            wire->written = 0;
            if (pipeline_.has_waiting()) pipeline_.take(wire->outgoing, write_together_bytes, SteadyTime::clock::now());
            if (wire->outgoing.empty()) {
                clear_keeping(wire->outgoing, kept_idle_bytes);
                break;
            }
        }
        lock.unlock();
        error_code error;
        const auto sent = wire->socket.send(BytesView(wire->outgoing).substr(wire->written), error);
        lock.lock();
        wire->written += sent;
        if (error == asio::error::would_block) {
            wire->stuffed = true;
            break;
        }
        if (error) {
            lose(wire, broke_error(label_, error), SteadyTime::clock::now());
            break;
        }
        // A large request on its way. One that is out proves nothing: a dead peer's kernel takes megabytes.
        if (wire->has_outgoing()) pipeline_.on_progress(SteadyTime::clock::now());
    }
    wire->writing = false;
    // The reader goes on with what is left, and is to notice silence about what was not in flight when it went to wait.
    const bool concerns_reader =
        wire->stuffed || pipeline_.has_waiting() || pipeline_.silent_at() < wire->reader_wakes_at;
    if (wire == wire_ && wire->reading && concerns_reader) poke();
}

/// When nobody reads: discards what came late, and finds out that the server has closed the socket, or is silent.
void DrivenConnection::look_after_idleness(SteadyTime now) {
    const auto wire = wire_;
    if (!wire || wire->reading) return;
    if (!pipeline_.has_in_flight() && now - pipeline_.last_progress() < idle_for_long) return;
    DrivenSocket::Received received;
    wire->receive(received, label_);
    take(wire, received, now);
    judge_silence(now);
}

void DrivenConnection::take(const SocketPtr& wire, DrivenSocket::Received& received, SteadyTime now) {
    if (wire != wire_) {
        received = {};
        return;
    }
    if (received.anything) pipeline_.on_progress(now);
    if (!received.replies.empty()) {
        wire->served = true;
        backoff_.succeeded();
    }
    Result<void> matched;
    for (auto& reply : received.replies) {
        matched = pipeline_.on_reply(std::move(reply));
        if (!matched) break;
    }
    if (!matched) {
        lose(wire, matched.error(), now);
    } else if (received.end) {
        lose(wire, *received.end, now);
    }
    received.replies.clear();
    received.anything = false;
    received.end.reset();
    forget_settled();
}

void DrivenConnection::judge_silence(SteadyTime now) {
    if (wire_ && pipeline_.is_silent(now)) lose(wire_, silent_error(label_), now);
}

void DrivenConnection::lose(SocketPtr wire, const Error& why, SteadyTime now) {
    if (wire != wire_) return;
    wire_ = nullptr;
    wire->socket.shut_down();
    // As in Connection::lose.
    if (!wire->served) {
        last_failure_ = why;
        backoff_.failed(now, jitter_());
    }
    pipeline_.fail_in_flight(why);
    connect_or_fail(now);
}

void DrivenConnection::forget_settled() {
    while (!waiters_.empty() && waiters_.front().call->is_settled())
        waiters_.pop_front();
}

bool DrivenConnection::has_waiter() const noexcept {
    return std::any_of(waiters_.begin(), waiters_.end(),
                       [](const Waiter& waiter) { return !waiter.call->is_settled(); });
}

/// Somebody is to become the reader, if there is anything to read for; the one who leaves that role, if nobody else
/// can.
void DrivenConnection::appoint(const RunLoop* leaving) {
    forget_settled();
    if (wire_ && wire_->reading) return;
    RunLoop* last = nullptr;
    bool anybody = false;
    for (const auto& waiter : waiters_) {
        if (waiter.call->is_settled()) continue;
        anybody = true;
        if (waiter.loop.get() == leaving) {
            last = waiter.loop.get();
        } else if (waiter.loop->wake()) {
            return;
        }
        // That thread is busy with something else; it will look here when it is done.
    }
    if (last) last->wake();
    if (!anybody && pipeline_.has_unsettled()) leave_to_home();
}

SteadyTime DrivenConnection::deadline_of(const RunLoop& loop) const {
    auto next = SteadyTime::max();
    for (auto waiter = waiters_.rbegin(); waiter != waiters_.rend(); ++waiter) {
        if (waiter->loop.get() == &loop && !waiter->call->is_settled()) next = std::min(next, waiter->call->deadline);
    }
    return next;
}

} // namespace tiercel::transport
