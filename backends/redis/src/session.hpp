#pragma once

#include "reply.hpp"
#include "reply_reader.hpp"
#include "url.hpp"

#include <tiercel/result.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tiercel::redis {

/// One socket, from the attempt to connect to its end. Never reused: a connection that is lost gets a new session, so
/// that whatever still completes on the old one is recognised as stale.
/// Thread safety: none; all on the executor it was made with, a strand.
class Session {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    Session(const boost::asio::any_io_executor& strand, const ReplyLimits& limits);

    /// Resolves, connects, and logs in. Takes as long as it takes: abort ends it.
    boost::asio::awaitable<Result<void>> open(const Address& address, const std::string& client_name);

    /// Appends the replies that the next bytes complete, perhaps none.
    boost::asio::awaitable<Result<void>> read(std::vector<Reply>& replies, const std::string& label);

    /// Closes the socket and stops waiting for it. Name resolution may still go on behind a stale session.
    void abort() noexcept;

    Socket socket;
    boost::asio::steady_timer connect_timer;
    bool connected = false; ///< logged in; open has succeeded
    bool served = false;    ///< a caller's command was answered

    // What is being written.
    Bytes outgoing;
    std::size_t written = 0;
    bool writing = false;

private:
    boost::asio::awaitable<Result<void>> connect_tcp(const Address& address);
    boost::asio::awaitable<boost::system::error_code> connect_to(boost::asio::generic::stream_protocol::endpoint peer);
    boost::asio::awaitable<Result<void>> log_in(const Address& address, const std::string& client_name);

    static constexpr std::size_t read_bytes = std::size_t{64} << 10;

    bool aborted_ = false;
    boost::asio::ip::tcp::resolver resolver_;
    ReplyReader reader_;
    std::unique_ptr<char[]> input_;
};

} // namespace tiercel::redis
