#include "transport/driven_connection.hpp"

#include "transport/connection_errors.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <boost/container/small_vector.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iterator>
#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;
using boost::system::error_code;
using spi::RunLoop;

namespace {

/// As Connection has it.
constexpr std::size_t write_together_bytes = std::size_t{256} << 10;
constexpr std::size_t kept_bytes = std::size_t{1} << 20;
/// How often a writer comes back for what others have submitted meanwhile, before it looks after its own call.
constexpr int writes_for_others = 16;
/// A socket that has been idle for this long is looked at before it is written to: the server may have closed it.
constexpr std::chrono::milliseconds idle_for_long{10};
/// How long a wait may be that nobody can interrupt, since the process has no descriptor left for an eventfd.
constexpr std::chrono::milliseconds look_without_interrupts_after{10};
/// How long the event loop, as the reader, leaves a socket alone that takes no more.
constexpr std::chrono::milliseconds look_for_room_after{5};

SteadyTime now_() {
    return std::chrono::steady_clock::now();
}

} // namespace

class DrivenConnection::Lock {
public:
    explicit Lock(DrivenConnection& of) : of_(of), lock_(of.mutex_) {}
    ~Lock() {
        if (lock_) unlock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    void lock() { lock_.lock(); }
    void unlock() noexcept {
        if (of_.settled_.empty()) {
            lock_.unlock();
            return;
        }
        // Mostly one or a few.
        boost::container::small_vector<CallPtr, 8> settled(std::make_move_iterator(of_.settled_.begin()),
                                                           std::make_move_iterator(of_.settled_.end()));
        of_.settled_.clear();
        lock_.unlock();
        for (const auto& call : settled)
            Pipeline::tell(*call);
    }

private:
    DrivenConnection& of_;
    std::unique_lock<std::mutex> lock_;
};

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
    const auto now = now_();
    look_after_idleness(now);
    pipeline_.add(call, now);
    waiters_.push_back({call, loop});
    serve(lock, now);
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
    auto now = now_();
    pipeline_.expire(now);
    const auto wire = wire_;
    if (!wire || wire->reading) return deadline_of(loop);
    wire->reading = true;
    polling_.store(&loop, std::memory_order_relaxed);
    DrivenSocket::Received received;
    for (;;) {
        flush(lock);
        if (wire != wire_ || now >= until) break;
        const auto next = pipeline_.next_event();
        auto wake_at = next ? std::min(until, *next) : until;
        if (interrupts_ < 0) wake_at = std::min(wake_at, now + look_without_interrupts_after);
        const auto what =
            wire->stuffed && !wire->writing ? PlainSocket::For::replies_and_room : PlainSocket::For::replies;
        wire->reader_wakes_at = wake_at;
        lock.unlock(); // here the loop hears of its own call
        const bool over = loop.has_work();
        PlainSocket::Ready ready;
        if (!over) {
            ready = wire->socket.wait_for(what, interrupts_, wake_at);
            if (ready.to_receive) wire->receive(received, label_);
        }
        lock.lock();
        wire->reader_wakes_at = SteadyTime::min();
        if (over) break;
        now = now_();
        if (ready.to_send) wire->stuffed = false;
        take(wire, received, now);
        pipeline_.expire(now);
        judge_silence(now);
    }
    wire->reading = false;
    const RunLoop* mine = &loop;
    polling_.compare_exchange_strong(mine, nullptr, std::memory_order_relaxed);
    if (wire != wire_ && wire_ && wire_->reading) poke(); // what was meant for that one may have come here
    appoint();
    return SteadyTime::min();
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
            wire->outgoing.clear();
            if (wire->outgoing.capacity() > kept_bytes) Bytes().swap(wire->outgoing);
            wire->written = 0;
            if (!pipeline_.has_waiting()) break;
            pipeline_.take(wire->outgoing, write_together_bytes, now_());
            if (wire->outgoing.empty()) break;
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
            lose(wire, broke_error(label_, error), now_());
            break;
        }
        // A large request on its way. One that is out proves nothing: a dead peer's kernel takes megabytes.
        if (wire->has_outgoing()) pipeline_.on_progress(now_());
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

void DrivenConnection::start_session() {
    session_ = std::make_shared<Session>(strand_, protocol_->make_codec());
    asio::post(strand_, [self = shared_from_this(), session = session_] {
        session->limit_opening(self->connect_timeout_, [self, session] {
            self->session_failed(session, session->timed_out(*self->protocol_, self->label_, self->connect_timeout_));
        });
        asio::co_spawn(self->strand_, self->run(session), [self, session](const std::exception_ptr& thrown) {
            if (thrown) self->session_failed(session, Error(Errc::connection_lost, self->label_ + ": out of memory"));
        });
    });
}

asio::awaitable<void> DrivenConnection::run(std::shared_ptr<Session> session) {
    const auto opened = co_await session->open(endpoint_, *protocol_, label_);
    if (!opened) {
        session_failed(session, opened.error());
        co_return;
    }
    session->connected = true;
    session->connect_timer.cancel();
    Lock lock(*this);
    if (session != session_) co_return;
    session_ = nullptr;
    auto released = session->release();
    if (!released) {
        lock.unlock();
        session_failed(session, Error(Errc::connection_failed, label_ + ": the socket cannot be handed over"));
        co_return;
    }
    wire_ = std::make_shared<DrivenSocket>(released->descriptor, std::move(released->codec));
    pipeline_.on_progress(now_());
    home_timer_.cancel();
    flush(lock);
    appoint();
}

void DrivenConnection::session_failed(const std::shared_ptr<Session>& session, const Error& why) {
    session->abort();
    const Lock lock(*this);
    if (session != session_) return;
    session_ = nullptr;
    last_failure_ = why;
    const auto now = now_();
    backoff_.failed(now, jitter_());
    pipeline_.fail_waiting(why);
    forget_settled();
    home_timer_.cancel();
}

void DrivenConnection::forget_settled() {
    while (!waiters_.empty() && waiters_.front().call->is_settled())
        waiters_.pop_front();
}

/// Somebody is to become the reader, if there is anything to read for.
void DrivenConnection::appoint() {
    forget_settled();
    if (wire_ && wire_->reading) return;
    bool anybody = false;
    for (const auto& waiter : waiters_) {
        if (waiter.call->is_settled()) continue;
        anybody = true;
        if (waiter.loop->wake()) return;
        // That thread is busy with something else; it will look here when it is done.
    }
    if (!anybody && pipeline_.has_unsettled()) leave_to_home();
}

void DrivenConnection::leave_to_home() {
    if (std::exchange(at_home_, true)) return;
    asio::co_spawn(strand_, drive_at_home(shared_from_this()), asio::detached);
}

/// The event loop reads for calls that nobody waits for here any more, until somebody does again.
asio::awaitable<void> DrivenConnection::drive_at_home([[maybe_unused]] std::shared_ptr<DrivenConnection> self) {
    DrivenSocket::Received received;
    Lock lock(*this);
    for (;;) {
        auto now = now_();
        pipeline_.expire(now);
        judge_silence(now);
        flush(lock);
        const auto wire = wire_;
        if (!pipeline_.has_unsettled() || (wire && wire->reading)) break;
        const auto next = pipeline_.next_event();
        if (wire) {
            wire->reading = true;
            wire->reader_wakes_at = next.value_or(now);
            home_reads_ = true;
        }
        const bool stuffed = wire && wire->stuffed;
        lock.unlock();
        home_timer_.expires_at(stuffed ? now + look_for_room_after : next.value_or(now));
        error_code error;
        if (!wire) {
            co_await home_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
            lock.lock();
            continue;
        }
        const auto watched = std::make_shared<asio::posix::stream_descriptor>(strand_);
        watched->assign(::dup(wire->socket.descriptor()), error);
        if (!error) {
            home_timer_.async_wait([watched](const error_code&) {
                error_code ignored;
                watched->cancel(ignored);
            });
            co_await watched->async_wait(asio::posix::descriptor_base::wait_read,
                                         asio::redirect_error(asio::use_awaitable, error));
            home_timer_.cancel();
        }
        wire->receive(received, label_);
        lock.lock();
        home_reads_ = false;
        wire->reading = false;
        wire->reader_wakes_at = SteadyTime::min();
        wire->stuffed = false;
        take(wire, received, now_());
    }
    at_home_ = false;
    appoint();
}

SteadyTime DrivenConnection::deadline_of(const RunLoop& loop) const {
    auto next = SteadyTime::max();
    for (auto waiter = waiters_.rbegin(); waiter != waiters_.rend(); ++waiter) {
        if (waiter->loop.get() == &loop && !waiter->call->is_settled()) next = std::min(next, waiter->call->deadline);
    }
    return next;
}

} // namespace tiercel::transport
