#pragma once

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <string>

namespace tiercel::redis::test {

/// Talks to a server behind the backend's back: one inline command, and the first line of its reply.
class RawRedis {
public:
    explicit RawRedis(std::uint16_t port) : socket_(context_) {
        socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    }

    std::string operator()(const std::string& command) {
        boost::asio::write(socket_, boost::asio::buffer(command + "\r\n"));
        const auto size = boost::asio::read_until(socket_, boost::asio::dynamic_buffer(input_), "\r\n");
        auto line = input_.substr(0, size - 2);
        input_.erase(0, size);
        return line;
    }

private:
    boost::asio::io_context context_;
    boost::asio::ip::tcp::socket socket_;
    std::string input_;
};

} // namespace tiercel::redis::test
