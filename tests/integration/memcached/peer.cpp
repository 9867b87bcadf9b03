#include "peer.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <thread>

namespace tiercel::test {

namespace asio = boost::asio;
using asio::ip::tcp;

const std::string Peer::hang_up("\0hang up", 8);

class Peer::Impl {
public:
    explicit Impl(Answer answer) : answer_(std::move(answer)) {
        asio::co_spawn(loop_, accept(), asio::detached);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~Impl() {
        loop_.stop();
        thread_.join();
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    asio::awaitable<void> accept() {
        for (;;) {
            auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
            asio::co_spawn(loop_, serve(std::move(socket)), asio::detached);
        }
    }
    asio::awaitable<void> serve(tcp::socket socket) {
        std::string received;
        std::string line;
        for (;;) {
            const auto reply = answer_(line);
            if (reply == hang_up) co_return;
            co_await asio::async_write(socket, asio::buffer(reply), asio::use_awaitable);
            const auto length =
                co_await asio::async_read_until(socket, asio::dynamic_buffer(received), '\n', asio::use_awaitable);
            line = received.substr(0, length);
            received.erase(0, length);
        }
    }

    Answer answer_;
    asio::io_context loop_{1};
    tcp::acceptor acceptor_{loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    std::thread thread_;
};

Peer::Peer(Answer answer) : impl_(std::make_unique<Impl>(std::move(answer))) {}
Peer::~Peer() = default;

std::string Peer::address() const {
    return "127.0.0.1:" + std::to_string(impl_->port());
}

} // namespace tiercel::test
