#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace tiercel::redis::test {

/// Talks to a server behind the backend's back, in inline commands.
class RawRedis {
public:
    explicit RawRedis(std::uint16_t port) : socket_(context_) {
        socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    }

    /// The first line of the reply.
    std::string operator()(const std::string& command) {
        boost::asio::write(socket_, boost::asio::buffer(command + "\r\n"));
        return line();
    }

    /// The text of a reply that is a bulk.
    std::string bulk(const std::string& command) {
        const auto size = std::stoul((*this)(command).substr(1)) + 2;
        if (input_.size() < size) {
            boost::asio::read(socket_, boost::asio::dynamic_buffer(input_),
                              boost::asio::transfer_exactly(size - input_.size()));
        }
        auto text = input_.substr(0, size - 2);
        input_.erase(0, size);
        return text;
    }

    /// How many clients of that name are connected, and the id of the last of them.
    struct Clients {
        std::size_t count = 0;
        std::string id;
    };
    Clients clients_named(const std::string& name) {
        Clients clients;
        const auto list = bulk("CLIENT LIST");
        for (std::size_t begin = 0; begin < list.size();) {
            const auto end = list.find('\n', begin);
            const auto client = list.substr(begin, end - begin);
            if (client.find(" name=" + name + " ") != std::string::npos) {
                ++clients.count;
                clients.id = client.substr(0, client.find(' '));
            }
            begin = end + 1;
        }
        return clients;
    }

private:
    std::string line() {
        const auto size = boost::asio::read_until(socket_, boost::asio::dynamic_buffer(input_), "\r\n");
        auto text = input_.substr(0, size - 2);
        input_.erase(0, size);
        return text;
    }

    boost::asio::io_context context_;
    boost::asio::ip::tcp::socket socket_;
    std::string input_;
};

} // namespace tiercel::redis::test
