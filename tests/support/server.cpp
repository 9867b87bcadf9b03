#include "support/server.hpp"

#include "support/wait_until.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

namespace tiercel::test {
namespace {

class Socket {
public:
    explicit Socket(int family) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        // Bounds connect and send; recv is bounded by poll.
        const timeval bound{.tv_sec = 1, .tv_usec = 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { ::close(descriptor_); }
    int get() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool connect_tcp(const Socket& socket, std::uint16_t port) {
    const sockaddr_in address = loopback(port);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool connect_unix(const Socket& socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Sends `request` and reads until `enough` says so, the peer closes, or it is silent for a second.
template <class Enough>
std::string ask(const Socket& socket, const std::string& request, Enough enough) {
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
        return {};
    std::string answer;
    char buffer[4096];
    while (!enough(answer)) {
        pollfd readable{.fd = socket.get(), .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, 1000) <= 0) break;
        const ssize_t count = ::recv(socket.get(), buffer, sizeof buffer, 0);
        if (count <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(count));
    }
    return answer;
}

} // namespace

std::uint16_t free_loopback_port() {
    static std::mt19937 random{std::random_device{}()};
    std::uniform_int_distribution<unsigned> choice(12'000, 32'000);
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto port = static_cast<std::uint16_t>(choice(random));
        const Socket socket(AF_INET);
        const sockaddr_in address = loopback(port);
        if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return port;
    }
    throw std::runtime_error("no free loopback port between 12000 and 32000");
}

Server::Server(ServerOptions options) : options_(std::move(options)) {}
Server::~Server() = default;

pid_t Server::pid() const {
    return process_->pid();
}

void Server::kill9() {
    process_->kill9();
}

void Server::stop_replying() {
    process_->stop();
}

void Server::resume() {
    process_->signal(SIGCONT);
}

void Server::restart() {
    for (int attempt = 0; attempt < 5; ++attempt)
        if (launch()) return;
    throw std::runtime_error("the server did not start again on port " + std::to_string(port_) + ": " + last_words());
}

void Server::restart_with(std::vector<std::string> arguments) {
    options_.arguments = std::move(arguments);
    restart();
}

void Server::start() {
    for (int attempt = 0; attempt < 5; ++attempt) {
        port_ = free_loopback_port();
        if (launch()) return;
    }
    throw std::runtime_error(command().front() + " did not start: " + last_words());
}

bool Server::launch() {
    process_.reset();
    process_ = std::make_unique<ChildProcess>(command(), directory() / "log");
    bool answered = false;
    const bool decided = wait_until([&] { return (answered = ready()) || !process_->alive(); });
    if (!decided) process_->kill9();
    return decided && answered;
}

bool Server::ready() {
    const Socket socket(listens_on_tcp() ? AF_INET : AF_UNIX);
    if (!(listens_on_tcp() ? connect_tcp(socket, plain_port()) : connect_unix(socket, unix_socket().string())))
        return false;

    // By the pid: a stranger's server that took the port between our choice and our start is not ours.
    const std::string words = pid_words();
    const auto pid_at = [&](const std::string& answer) {
        const auto begin = answer.find(words);
        return begin == std::string::npos ? begin : begin + words.size();
    };
    const std::string answer = ask(socket, pid_request(), [&](const std::string& sofar) {
        const auto at = pid_at(sofar);
        return (at != std::string::npos && sofar.find('\n', at) != std::string::npos) || answers_without_pid(sofar);
    });
    const auto at = pid_at(answer);
    if (at != std::string::npos) return std::stol(answer.substr(at)) == process_->pid();
    return answers_without_pid(answer) && process_->alive();
}

std::string Server::last_words() const {
    std::ifstream log(directory() / "log");
    std::ostringstream text;
    text << log.rdbuf();
    const std::string words = text.str();
    constexpr std::size_t tail = 2000;
    return words.empty() ? "it said nothing" : words.substr(words.size() > tail ? words.size() - tail : 0);
}

} // namespace tiercel::test
