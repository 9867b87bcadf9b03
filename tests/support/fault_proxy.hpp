#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tiercel::test {

/// A TCP proxy on 127.0.0.1 between a client and a server's port, whose faults a test turns on and off.
/// Requests always pass; the faults meet what the server sends back. A fault holds for the bytes that arrive after the
/// call, on connections old and new.
/// Thread safety: all members may be called concurrently. Runs one thread.
class FaultProxy {
public:
    explicit FaultProxy(std::uint16_t server_port);
    ~FaultProxy();

    std::uint16_t port() const noexcept;

    /// No fault: how it starts.
    void pass();
    /// Each piece the server sends is held back for `by`.
    void delay(std::chrono::milliseconds by);
    /// What the server sends is thrown away; the connection stays open.
    void swallow();
    /// Each connection lets `bytes` more through, then is closed.
    void close_after(std::size_t bytes);
    /// Replies come in pieces of one byte.
    void slice();
    /// Closes all connections, and refuses new ones until another fault, or pass(), is chosen.
    void refuse();
    /// Closes all connections, once.
    void drop_connections();

    /// Connections accepted since the start.
    std::size_t accepted() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tiercel::test
