#include "transport/connection.hpp"

#include "transport/connection_errors.hpp"
#include "transport/write_buffer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <exception>
#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;
using boost::system::error_code;

Connection::Connection(spi::Runtime& runtime, Endpoint to, std::shared_ptr<const Protocol> protocol,
                       const ConnectionLimits& limits)
    : resumer_(std::make_shared<Resumer>(runtime.executor())),
      strand_(asio::make_strand(runtime.executor())),
      endpoint_(std::move(to)),
      protocol_(std::move(protocol)),
      label_(endpoint_.label(protocol_->name())),
      connect_timeout_(limits.connect_timeout),
      admission_(limits.max_pending_calls, limits.max_pending_bytes),
      pipeline_(label_, limits.max_silence, admission_),
      backoff_(limits.reconnect_delay_min, limits.reconnect_delay_max),
      jitter_(runtime.random()),
      timer_(strand_) {}

void Connection::submit(CallPtr call) {
    if (auto entered = admission_.enter(call->bytes); !entered) {
        call->reject(Error(entered.error().code(), label_ + ": " + entered.error().message()));
        return;
    }
    {
        std::unique_lock lock(mutex_);
        if (closed_) {
            lock.unlock();
            admission_.leave(call->bytes);
            call->reject(closed_error(label_));
            return;
        }
        inbox_.push_back(std::move(call));
        if (std::exchange(drain_posted_, true)) return;
    }
    asio::post(strand_, [self = shared_from_this()] { self->drain(); });
}

void Connection::cancel(CallPtr call) {
    // After the job that adds it to the pipeline.
    asio::post(strand_, [self = shared_from_this(), given_up = std::move(call)] { self->pipeline_.cancel(*given_up); });
}

void Connection::close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
    }
    asio::post(strand_, [self = shared_from_this()] { self->shut_down(); });
}

void Connection::drain() {
    {
        const std::lock_guard lock(mutex_);
        drained_.swap(inbox_);
        drain_posted_ = false;
    }
    const auto now = SteadyTime::clock::now();
    for (auto& call : drained_)
        pipeline_.add(std::move(call), now);
    drained_.clear();
    serve(now);
}

void Connection::serve(SteadyTime now) {
    if (shut_down_) {
        pipeline_.fail_waiting(closed_error(label_));
    } else if (session_) {
        if (session_->connected) write_more(now);
    } else if (pipeline_.has_waiting()) {
        if (backoff_.allows(now)) {
            start_session();
        } else {
            pipeline_.fail_waiting(*last_failure_);
        }
    }
    arm_timer();
}

void Connection::shut_down() {
    shut_down_ = true;
    timer_.cancel();
    if (const auto session = std::exchange(session_, nullptr)) session->abort();
    pipeline_.fail_in_flight(closed_error(label_));
    drain();
}

void Connection::start_session() {
    session_ = std::make_shared<Session>(strand_, protocol_->make_codec());
    session_->limit_opening(connect_timeout_, [self = shared_from_this(), session = session_] {
        if (session->connected) return;
        self->lose(session, session->timed_out(*self->protocol_, self->label_, self->connect_timeout_));
    });
    asio::co_spawn(strand_, run(session_),
                   [self = shared_from_this(), session = session_](const std::exception_ptr& thrown) {
                       if (!thrown) return;
                       self->lose(session, Error(Errc::connection_lost, self->label_ + ": out of memory"));
                   });
}

asio::awaitable<void> Connection::run(SessionPtr session) {
    auto opened = co_await session->open(endpoint_, *protocol_, label_);
    if (session != session_) co_return;
    if (!opened) {
        lose(session, opened.error());
        co_return;
    }
    session->connect_timer.cancel();
    session->connected = true;
    serve(SteadyTime::clock::now());

    std::vector<Reply> replies;
    while (session == session_) {
        replies.clear();
        auto got = co_await session->read(replies, label_);
        if (session != session_) co_return;
        const auto now = SteadyTime::clock::now();
        pipeline_.on_progress(now);
        if (!replies.empty()) {
            session->served = true;
            backoff_.succeeded();
        }
        Result<void> matched;
        for (auto& reply : replies) {
            matched = pipeline_.on_reply(std::move(reply));
            if (!matched) break;
        }
        if (got && !matched) got = matched;
        if (!got) {
            lose(session, got.error());
            co_return;
        }
    }
}

void Connection::lose(SessionPtr session, const Error& why) {
    if (session != session_) return;
    session_ = nullptr;
    session->abort();
    const auto now = SteadyTime::clock::now();
    // A session that served and then broke is no reason to wait; one that never came to serve is.
    if (!session->served) {
        last_failure_ = why;
        backoff_.failed(now, jitter_());
    }
    pipeline_.fail_in_flight(why);
    serve(now);
}

void Connection::write_more(SteadyTime now) {
    const auto& session = session_;
    if (session->writing) return;
    clear_keeping(session->outgoing, kept_bytes);
    pipeline_.take(session->outgoing, write_together_bytes, now);
    if (session->outgoing.empty()) {
        clear_keeping(session->outgoing, kept_idle_bytes);
        return;
    }
    session->written = 0;
    session->writing = true;
    write_some(session);
}

void Connection::write_some(const SessionPtr& session) {
    const auto left = asio::buffer(session->outgoing) + session->written;
    session->async_write_some(left, [self = shared_from_this(), session](const error_code& error, std::size_t bytes) {
        if (session != self->session_) return;
        if (error) {
            self->lose(session, broke_error(self->label_, error));
            return;
        }
        const auto now = SteadyTime::clock::now();
        session->written += bytes;
        if (session->written < session->outgoing.size()) {
            // A large request on its way. One that is out proves nothing: a dead peer's kernel takes megabytes.
            self->pipeline_.on_progress(now);
            self->write_some(session);
            return;
        }
        session->writing = false;
        self->serve(now);
    });
}

void Connection::arm_timer() {
    const auto next = pipeline_.next_event();
    // A timer that is set for earlier will do: it finds nothing to do, and is set again.
    if (!next || shut_down_ || (timer_set_for_ && *timer_set_for_ <= *next)) return;
    timer_set_for_ = next;
    timer_.expires_at(*next);
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
        if (!error) self->on_timer();
    });
}

void Connection::on_timer() {
    timer_set_for_.reset();
    const auto now = SteadyTime::clock::now();
    pipeline_.expire(now);
    if (session_ && session_->connected && pipeline_.is_silent(now)) {
        lose(session_, silent_error(label_));
    }
    arm_timer();
}

} // namespace tiercel::transport
