#pragma once

#include "resp.hpp"
#include "transport/backoff.hpp"
#include "transport/session.hpp"
#include "url.hpp"

#include <tiercel/redis.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace tiercel::redis {

/// The subscription to what one sentinel has to say of changed masters:
///
///     idle ──start──> connecting ──subscribed──> up
///                       ^    │                   │
///                       │    v   failure         │ loss; no answer to a heartbeat until the next one
///                     waiting, as the back-off says
///
/// The back-off starts anew with a subscription that has lasted for a heartbeat.
///
/// Thread safety: none; all on the strand.
/// Lifetime: like a Connection, lives on the event loop and does not keep it; until close().
class SentinelFeed : public std::enable_shared_from_this<SentinelFeed> {
public:
    enum class Event : unsigned char {
        up,       ///< subscribed: what happened before went unheard
        switched, ///< another node is the master
        down,     ///< nothing is heard from here until it is up again
    };

    /// `told` is called on the strand.
    SentinelFeed(boost::asio::any_io_executor strand, Address sentinel, const Options& options, std::string master_name,
                 std::chrono::milliseconds heartbeat, std::uint64_t seed, std::function<void(Event)> told);

    /// Idempotent.
    void start();
    void close() noexcept;
    bool is_up() const noexcept { return up_; }

private:
    using SessionPtr = std::shared_ptr<transport::Session>;

    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> attend(SessionPtr session);
    bool on_reply(const transport::Reply& reply);
    void beat(const SessionPtr& session);
    static void send(const SessionPtr& session, Bytes request);
    static void write_some(const SessionPtr& session);
    void end(const SessionPtr& session);

    const boost::asio::any_io_executor strand_;
    const Address sentinel_;
    const std::string label_;
    const std::string master_name_;
    const std::shared_ptr<const Resp> protocol_;
    const std::chrono::milliseconds connect_timeout_;
    const std::chrono::milliseconds heartbeat_;
    const std::function<void(Event)> told_;

    transport::Backoff backoff_;
    std::mt19937_64 random_;
    boost::asio::steady_timer timer_; // for the back-off, the attempt to connect, or the next heartbeat
    SessionPtr session_;              // null between two
    bool heard_ = false;              // anything since the last heartbeat
    bool up_ = false;
    bool started_ = false;
    bool closed_ = false;
};

} // namespace tiercel::redis
