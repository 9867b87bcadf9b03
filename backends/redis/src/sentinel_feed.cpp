#include "sentinel_feed.hpp"

#include "commands.hpp"
#include "sentinel_reply.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <exception>
#include <utility>
#include <vector>

namespace tiercel::redis {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Bytes command(std::span<const BytesView> words) {
    Commands commands;
    commands.add(words);
    return std::move(commands).take_bytes();
}

} // namespace

SentinelFeed::SentinelFeed(asio::any_io_executor strand, Address sentinel, const Options& options,
                           std::string master_name, std::chrono::milliseconds heartbeat, std::uint64_t seed,
                           std::function<void(Event)> told)
    : strand_(std::move(strand)),
      sentinel_(std::move(sentinel)),
      label_(sentinel_.label()),
      master_name_(std::move(master_name)),
      protocol_(std::make_shared<Resp>(sentinel_, options)),
      connect_timeout_(options.connect_timeout),
      heartbeat_(heartbeat),
      told_(std::move(told)),
      backoff_(options.reconnect_delay_min, options.reconnect_delay_max),
      random_(seed),
      timer_(strand_) {}

void SentinelFeed::start() {
    if (std::exchange(started_, true) || closed_) return;
    // What ends it early is a lack of memory; the sentinels are then asked from time to time.
    asio::co_spawn(strand_, run(), [self = shared_from_this()](const std::exception_ptr&) {
        if (self->session_) self->end(self->session_);
    });
}

void SentinelFeed::close() noexcept {
    closed_ = true;
    timer_.cancel();
    if (session_) session_->abort();
}

asio::awaitable<void> SentinelFeed::run() {
    while (!closed_) {
        session_ = std::make_shared<transport::Session>(strand_, protocol_->make_codec());
        const auto session = session_;
        co_await attend(session);
        end(session);
        if (closed_) break;
        backoff_.failed(SteadyTime::clock::now(), random_());
        timer_.expires_at(backoff_.not_before());
        error_code ignored; // the time has come, or close()
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

asio::awaitable<void> SentinelFeed::attend(SessionPtr session) {
    timer_.expires_after(connect_timeout_);
    timer_.async_wait([session](const error_code& error) {
        if (!error) session->abort();
    });
    const auto opened = co_await session->open(sentinel_, *protocol_, label_);
    if (!opened || closed_) co_return;
    const std::array<BytesView, 2> words{"SUBSCRIBE", "+switch-master"};
    send(session, command(words));
    heard_ = true;
    beat(session);

    std::vector<transport::Reply> replies;
    for (;;) {
        replies.clear();
        const auto got = co_await session->read(replies, label_);
        heard_ = true;
        for (const auto& reply : replies) {
            if (closed_ || !on_reply(reply)) co_return;
        }
        if (!got || closed_) co_return;
    }
}

/// False for what no sentinel says.
bool SentinelFeed::on_reply(const transport::Reply& reply) {
    const auto news = parse_sentinel_news(reply, master_name_, label_);
    if (!news) return false;
    switch (*news) {
    case SentinelNews::subscribed:
        up_ = true;
        told_(Event::up);
        break;
    case SentinelNews::switched:
        told_(Event::switched);
        break;
    case SentinelNews::pong:
        backoff_.succeeded();
        break;
    case SentinelNews::other:
        break;
    }
    return true;
}

void SentinelFeed::beat(const SessionPtr& session) {
    timer_.expires_after(heartbeat_);
    timer_.async_wait([self = shared_from_this(), session](const error_code& error) {
        if (error || session != self->session_) return;
        if (!std::exchange(self->heard_, false)) {
            session->abort();
            return;
        }
        const std::array<BytesView, 1> words{"PING"};
        send(session, command(words));
        self->beat(session);
    });
}

/// Says nothing while what was said before is not out yet: that ends as silence does.
void SentinelFeed::send(const SessionPtr& session, Bytes request) {
    if (std::exchange(session->writing, true)) return;
    session->outgoing = std::move(request);
    session->written = 0;
    write_some(session);
}

void SentinelFeed::write_some(const SessionPtr& session) {
    const auto left = asio::buffer(session->outgoing) + session->written;
    session->async_write_some(left, [session](const error_code& error, std::size_t bytes) {
        if (error) {
            session->abort();
            return;
        }
        session->written += bytes;
        if (session->written < session->outgoing.size()) {
            write_some(session);
        } else {
            session->writing = false;
        }
    });
}

void SentinelFeed::end(const SessionPtr& session) {
    session->abort();
    timer_.cancel();
    session_.reset();
    if (std::exchange(up_, false)) told_(Event::down);
}

} // namespace tiercel::redis
