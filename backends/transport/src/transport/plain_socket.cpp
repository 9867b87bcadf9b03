#include "transport/plain_socket.hpp"

#include <boost/asio/error.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace tiercel::transport {

using boost::system::error_code;

namespace {

error_code last_error() noexcept {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return boost::asio::error::would_block;
    return {errno, boost::system::system_category()};
}

timespec time_left(SteadyTime until) noexcept {
    using namespace std::chrono;
    constexpr nanoseconds longest = hours(1); // the caller looks again
    const auto left = std::clamp<nanoseconds>(until - steady_clock::now(), nanoseconds::zero(), longest);
    const auto whole = duration_cast<seconds>(left);
    timespec time{};
    time.tv_sec = whole.count();
    time.tv_nsec = (left - whole).count();
    return time;
}

} // namespace

PlainSocket::~PlainSocket() {
    ::close(descriptor_);
}

std::size_t PlainSocket::send(BytesView bytes, error_code& error) noexcept {
    for (;;) {
        const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            error.clear();
            return static_cast<std::size_t>(sent);
        }
        if (errno == EINTR) continue;
        error = last_error();
        return 0;
    }
}

std::size_t PlainSocket::receive(char* to, std::size_t room, error_code& error) noexcept {
    for (;;) {
        const auto got = ::recv(descriptor_, to, room, MSG_DONTWAIT);
        if (got > 0) {
            error.clear();
            return static_cast<std::size_t>(got);
        }
        if (got < 0 && errno == EINTR) continue;
        error = got == 0 ? error_code(boost::asio::error::eof) : last_error();
        return 0;
    }
}

PlainSocket::Ready PlainSocket::wait_for(For what, int interrupts, SteadyTime until) noexcept {
    const short events = what == For::replies ? POLLIN : POLLIN | POLLOUT;
    std::array<pollfd, 2> polled{pollfd{descriptor_, events, 0}, pollfd{interrupts, POLLIN, 0}};
    const auto time = time_left(until);
    // Interrupted or out of memory: the caller looks again.
    if (::ppoll(polled.data(), polled.size(), &time, nullptr) <= 0) return {};
    if (polled[1].revents != 0) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto drained = ::read(interrupts, &count, sizeof count);
    }
    const auto came = polled[0].revents;
    return {.to_receive = (came & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) != 0, .to_send = (came & POLLOUT) != 0};
}

void PlainSocket::shut_down() noexcept {
    ::shutdown(descriptor_, SHUT_RDWR);
}

} // namespace tiercel::transport
