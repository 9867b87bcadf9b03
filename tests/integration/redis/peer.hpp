#pragma once

#include <boost/algorithm/string/replace.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tiercel::redis::test {

/// Listens on a loopback port and answers the n-th piece that it reads on a connection with the n-th of its lines,
/// whatever was asked; then it closes, or stays without another word. "{port}" in a line is its own.
class Peer {
public:
    enum class AtEnd : unsigned char { close, stay };

    Peer(std::vector<std::string> answers, AtEnd at_end)
        : answers_(std::move(answers)),
          at_end_(at_end),
          acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {
        for (auto& answer : answers_)
            boost::algorithm::replace_all(answer, "{port}", std::to_string(acceptor_.local_endpoint().port()));
        boost::asio::co_spawn(context_, accept(), boost::asio::detached);
        thread_ = std::thread([this] { context_.run(); });
    }
    ~Peer() {
        context_.stop();
        thread_.join();
    }

    std::string url(const std::string& scheme = "redis") const {
        return scheme + "://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

private:
    using Tcp = boost::asio::ip::tcp;

    boost::asio::awaitable<void> accept() {
        for (;;) {
            Tcp::socket socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            boost::asio::co_spawn(context_, serve(std::move(socket)), boost::asio::detached);
        }
    }

    boost::asio::awaitable<void> serve(Tcp::socket socket) {
        boost::system::error_code error;
        std::string input(4096, '\0');
        for (const auto& answer : answers_) {
            co_await socket.async_read_some(boost::asio::buffer(input),
                                            boost::asio::redirect_error(boost::asio::use_awaitable, error));
            if (error) co_return;
            co_await boost::asio::async_write(socket, boost::asio::buffer(answer),
                                              boost::asio::redirect_error(boost::asio::use_awaitable, error));
        }
        while (at_end_ == AtEnd::stay && !error) {
            co_await socket.async_read_some(boost::asio::buffer(input),
                                            boost::asio::redirect_error(boost::asio::use_awaitable, error));
        }
    }

    std::vector<std::string> answers_;
    const AtEnd at_end_;
    boost::asio::io_context context_;
    Tcp::acceptor acceptor_;
    std::thread thread_;
};

} // namespace tiercel::redis::test
