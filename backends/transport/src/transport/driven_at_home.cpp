// What a DrivenConnection does on the event loop: it connects, and reads for those who have gone.

#include "transport/connection_errors.hpp"
#include "transport/driven_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// When the reader looks again at a socket that takes no more, or that it cannot watch.
constexpr std::chrono::milliseconds look_again_after{5};

} // namespace

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
    auto released = session->release();
    if (!released) {
        lock.unlock();
        session_failed(session, Error(Errc::connection_failed, label_ + ": the socket cannot be handed over"));
        co_return;
    }
    wire_ = std::make_shared<DrivenSocket>(released->descriptor, std::move(released->codec));
    session_ = nullptr;
    pipeline_.on_progress(SteadyTime::clock::now());
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
    const auto now = SteadyTime::clock::now();
    backoff_.failed(now, jitter_());
    pipeline_.fail_waiting(why);
    forget_settled();
    home_timer_.cancel();
}

void DrivenConnection::leave_to_home() {
    if (std::exchange(at_home_, true)) {
        // It is to see to this one, too, whose deadline may be the next.
        asio::post(strand_, [self = shared_from_this()] { self->home_timer_.cancel(); });
        return;
    }
    // Posted: on a thread of that executor a spawned coroutine begins at once, and wants the lock.
    asio::post(strand_, [self = shared_from_this()] {
        asio::co_spawn(self->strand_, self->drive_at_home(), [self](const std::exception_ptr& thrown) {
            const Lock lock(*self);
            self->at_home_ = false;
            if (thrown) {
                if (std::exchange(self->home_reads_, false) && self->wire_) self->wire_->reading = false;
                self->recover(self->wire_);
            }
            self->appoint();
        });
    });
}

/// The event loop reads for calls that nobody waits for here any more, until somebody waits again.
asio::awaitable<void> DrivenConnection::drive_at_home() {
    DrivenSocket::Received received;
    Lock lock(*this);
    for (;;) {
        const auto now = SteadyTime::clock::now();
        pipeline_.expire(now);
        judge_silence(now);
        flush(lock);
        const auto wire = wire_;
        if (!pipeline_.has_unsettled() || (wire && (wire->reading || has_waiter()))) co_return;
        auto wake_at = pipeline_.next_event().value_or(SteadyTime::max());
        if (wire) {
            if (wire->stuffed) wake_at = std::min(wake_at, now + look_again_after);
            wire->reading = true;
            wire->reader_wakes_at = wake_at;
            home_reads_ = true;
        }
        lock.unlock();
        home_timer_.expires_at(wake_at);
        error_code ignored;
        if (!wire) {
            co_await home_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
            lock.lock();
            continue;
        }
        if (const auto watched = watch(*wire)) {
            home_timer_.async_wait([watched](const error_code&) {
                error_code gone;
                watched->cancel(gone);
            });
            co_await watched->async_wait(asio::posix::descriptor_base::wait_read,
                                         asio::redirect_error(asio::use_awaitable, ignored));
            home_timer_.cancel();
        } else {
            home_timer_.expires_at(now + look_again_after);
            co_await home_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        wire->receive(received, label_);
        lock.lock();
        home_reads_ = false;
        wire->reading = false;
        wire->reader_wakes_at = SteadyTime::min();
        wire->stuffed = false;
        take(wire, received, SteadyTime::clock::now());
    }
}

/// The socket once more, for Asio to watch while there is need. Null if the process has no descriptor left.
std::shared_ptr<asio::posix::stream_descriptor> DrivenConnection::watch(const DrivenSocket& wire) const {
    const int copy = ::dup(wire.socket.descriptor());
    if (copy < 0) return nullptr;
    auto watched = std::make_shared<asio::posix::stream_descriptor>(strand_);
    error_code error;
    watched->assign(copy, error);
    if (!error) return watched;
    ::close(copy);
    return nullptr;
}

} // namespace tiercel::transport
