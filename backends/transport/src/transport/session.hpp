#pragma once

#include "transport/codec.hpp"
#include "transport/endpoint.hpp"
#include "transport/reply.hpp"
#include "transport/tls_stream.hpp"

#include <tiercel/result.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::transport {

/// One socket, with TLS around it if the endpoint wants that, from the attempt to connect to its end. Never reused: a
/// connection that is lost gets a new session, so that whatever still completes on the old one is recognised as stale.
/// Thread safety: none; all on the executor it was made with, a strand.
class Session {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    Session(const boost::asio::any_io_executor& strand, std::unique_ptr<Codec> codec);

    /// Resolves, connects, agrees on TLS, and greets. Takes as long as it takes: abort ends it. The parameters are to
    /// outlive it.
    boost::asio::awaitable<Result<void>> open(const Endpoint& to, const Protocol& protocol, const std::string& label);

    /// Writes some of it. The handler, on the strand, gets an error_code and how many bytes went.
    template <class Handler>
    void async_write_some(boost::asio::const_buffer data, Handler handler) {
        if (tls_) {
            tls_->async_write_some(data, std::move(handler));
        } else {
            socket_.async_write_some(data, std::move(handler));
        }
    }

    /// Appends the replies that the next bytes complete, perhaps none.
    boost::asio::awaitable<Result<void>> read(std::vector<Reply>& replies, const std::string& label);

    /// Calls back, on the strand, unless the timer is cancelled before.
    void limit_opening(std::chrono::milliseconds timeout, std::function<void()> on_timeout);
    /// What to say then.
    Error timed_out(const Protocol& protocol, const std::string& label, std::chrono::milliseconds timeout) const;

    struct Released {
        int descriptor; ///< the taker's to close
        std::unique_ptr<Codec> codec;
    };
    /// Gives up the socket of a session that is open, without TLS, and neither reads nor writes. Empty if it cannot.
    std::optional<Released> release();

    /// Closes the socket and stops waiting for it. Name resolution may still go on behind a stale session.
    void abort() noexcept;

    /// What open is at.
    enum class Step : unsigned char { connect, agree_on_tls, greet };

    Step step = Step::connect;
    boost::asio::steady_timer connect_timer;
    bool connected = false; ///< open has succeeded
    bool served = false;    ///< a caller's command was answered

    // What is being written.
    Bytes outgoing;
    std::size_t written = 0;
    bool writing = false;

private:
    boost::asio::awaitable<Result<void>> connect_tcp(const Endpoint& to, const std::string& label);
    boost::asio::awaitable<boost::system::error_code> connect_to(boost::asio::generic::stream_protocol::endpoint peer);
    boost::asio::awaitable<Result<void>> agree_on_tls(const Endpoint& to, const Protocol& protocol,
                                                      const std::string& label);
    boost::asio::awaitable<Result<void>> greet(const Protocol& protocol, const std::string& label);

    boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer to, boost::system::error_code& error);
    boost::asio::awaitable<std::size_t> write(boost::asio::const_buffer data, boost::system::error_code& error);

    static constexpr std::size_t read_bytes = std::size_t{32} << 10;

    bool aborted_ = false;
    Socket socket_;
    std::unique_ptr<TlsStream> tls_; // over socket_; null for plain text
    boost::asio::ip::tcp::resolver resolver_;
    std::unique_ptr<Codec> codec_; // null once released
    std::unique_ptr<char[]> input_;
};

} // namespace tiercel::transport
