#include "support/ask_redis.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <stdexcept>

namespace tiercel::test {

namespace {

std::string ask_once(std::uint16_t port, const std::string& password, const std::string& command) {
    boost::asio::ip::tcp::iostream stream;
    stream.expires_after(std::chrono::seconds(5));
    stream.connect(boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
    std::string line;
    if (!password.empty()) {
        stream << "AUTH " << password << "\r\n" << std::flush;
        std::getline(stream, line);
    }
    stream << command << "\r\n" << std::flush;
    if (!std::getline(stream, line)) {
        throw std::runtime_error("no answer to " + command + " on port " + std::to_string(port) + ": " +
                                 stream.error().message());
    }
    if (line.ends_with('\r')) line.pop_back();
    if (!line.starts_with('$') || line == "$-1") return line;
    std::string text(std::stoul(line.substr(1)), '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    return text;
}

} // namespace

/// Sentinels that give a server another role end the connections of its clients (CLIENT KILL TYPE normal).
std::string ask_redis(std::uint16_t port, const std::string& password, const std::string& command) {
    try {
        return ask_once(port, password, command);
    } catch (const std::runtime_error&) {
        return ask_once(port, password, command);
    }
}

} // namespace tiercel::test
