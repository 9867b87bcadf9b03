#pragma once

#include <tiercel/result.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tiercel::transport {

class TlsContext;

/// TLS as a client, over a socket that is connected. Asio's ssl::stream, which is dear to compile, stays behind it.
/// Thread safety: none; all on the socket's executor, a strand. One read and one write may be under way together.
/// Lifetime: not beyond the socket's; until all that it began has completed, which closing the socket brings about.
class TlsStream {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;
    using WriteHandler = std::function<void(const boost::system::error_code&, std::size_t)>;

    /// Throws std::bad_alloc.
    TlsStream(Socket& socket, const TlsContext& context, const std::string& host);
    ~TlsStream();
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// Errors: connection_failed, authentication_failed; see handshake_error.
    boost::asio::awaitable<Result<void>> shake_hands(const std::string& label, std::string_view advice_for_plain_text);

    boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer to, boost::system::error_code& error);
    /// All of it.
    boost::asio::awaitable<std::size_t> write(boost::asio::const_buffer data, boost::system::error_code& error);
    /// A record's worth of it, 16 KiB.
    void async_write_some(boost::asio::const_buffer data, WriteHandler handler);

    /// Why `error` came of reading or writing, if the server does not accept who we are; none for any other reason.
    std::optional<Error> refusal(const boost::system::error_code& error, const std::string& label) const;

    /// The peer closed the socket without a word of TLS.
    static bool is_end(const boost::system::error_code& error) noexcept;

private:
    class Impl;
    const std::unique_ptr<Impl> impl_;
};

} // namespace tiercel::transport
