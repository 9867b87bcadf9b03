#pragma once

#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>

namespace tiercel::transport {

/// A connected stream socket, used by system calls on the caller's thread. Only wait_for blocks.
/// Thread safety: one thread may send while another waits and receives; shut_down from anywhere.
class PlainSocket {
public:
    /// Takes the descriptor.
    explicit PlainSocket(int descriptor) noexcept : descriptor_(descriptor) {}
    ~PlainSocket();
    PlainSocket(const PlainSocket&) = delete;
    PlainSocket& operator=(const PlainSocket&) = delete;

    int descriptor() const noexcept { return descriptor_; }

    /// How many bytes went. `would_block` when the kernel takes no more.
    std::size_t send(BytesView bytes, boost::system::error_code& error) noexcept;
    /// How many bytes came. `would_block` when there are none, `eof` at the end.
    std::size_t receive(char* to, std::size_t room, boost::system::error_code& error) noexcept;

    struct Ready {
        bool to_receive = false; ///< or to find out that the socket is broken
        bool to_send = false;
    };
    enum class For : unsigned char { replies, replies_and_room };
    /// Blocks until the socket is ready, somebody has written to `interrupts` (an eventfd, which is then drained), or
    /// the time has come.
    Ready wait_for(For what, int interrupts, SteadyTime until) noexcept;

    /// Ends the connection for both sides; the descriptor stays until the destructor, since others may be using it.
    void shut_down() noexcept;

private:
    const int descriptor_;
};

} // namespace tiercel::transport
