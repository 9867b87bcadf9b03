#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>

#include <optional>
#include <string>

namespace tiercel::test {

/// Sends text lines and reads the answers, blocking, each wait bounded.
template <class Protocol>
class LineClient {
public:
    explicit LineClient(const typename Protocol::endpoint& server) : socket_(loop_) { socket_.connect(server, error_); }

    bool connected() const { return !error_; }

    void send(const std::string& line) { boost::asio::write(socket_, boost::asio::buffer(line + "\r\n"), error_); }

    /// Empty if nothing comes within `bound` (in milliseconds), or the peer has closed.
    std::optional<std::string> read_some(int bound) {
        pollfd readable{.fd = socket_.native_handle(), .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, bound) <= 0) return std::nullopt;
        std::string bytes(4096, '\0');
        bytes.resize(socket_.read_some(boost::asio::buffer(bytes), error_));
        if (bytes.empty()) return std::nullopt;
        return bytes;
    }

    /// All bytes up to and including `end`; fewer if the peer closes or is silent for 20 seconds.
    std::string read_until(const std::string& end) {
        std::string all;
        while (all.find(end) == std::string::npos) {
            const auto bytes = read_some(20'000);
            if (!bytes) break;
            all += *bytes;
        }
        return all;
    }

    std::string ask(const std::string& line, const std::string& end = "\r\n") {
        send(line);
        return read_until(end);
    }

private:
    boost::asio::io_context loop_;
    typename Protocol::socket socket_;
    boost::system::error_code error_;
};

using TcpClient = LineClient<boost::asio::ip::tcp>;
using UnixClient = LineClient<boost::asio::local::stream_protocol>;

inline boost::asio::ip::tcp::endpoint loopback(unsigned short port) {
    return {boost::asio::ip::address_v4::loopback(), port};
}

} // namespace tiercel::test
