#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tiercel::test {

/// Faults that come at random: of a thousand pieces that the server sends, so many meet with each. The others pass, and
/// no byte is left out of a stream that goes on.
struct Troubles {
    unsigned delayed = 0; ///< held back for up to `longest_delay`
    unsigned sliced = 0;  ///< sent on in pieces of a random size
    unsigned closed = 0;  ///< the connection is closed somewhere in the middle of it
    unsigned stalled = 0; ///< nothing comes of it, nor after it; the connection stays open
    std::chrono::microseconds longest_delay{1000};
};

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
    /// Each connection lets `bytes` more through; what the server sends after them is thrown away, and so is all that
    /// comes on such a connection later, whatever is chosen then. It stays open.
    void swallow_after(std::size_t bytes);
    /// Connections, old and new, lead nowhere: what is sent is thrown away, nothing comes, nothing is closed. Those
    /// that there are meanwhile stay so for good, as when a peer has lost its power.
    void half_open();
    /// Replies come in pieces of one byte.
    void slice();
    /// Of what the server sends, one bit is flipped in every `bytes` on average (at least 1). Where follows from the
    /// seed and the connection's place among the accepted.
    void corrupt(std::uint64_t seed, std::size_t bytes);
    /// Each connection meets with troubles of its own, which follow from the seed and its place among the accepted.
    void trouble(std::uint64_t seed, const Troubles& troubles);
    /// Closes all connections, and refuses new ones until another fault, or pass(), is chosen.
    void refuse();
    /// Closes all connections, once.
    void drop_connections();

    /// Connections accepted since the start.
    std::size_t accepted() const;
    /// Pieces that met with one of the `Troubles` since the start, by kind: as many of each as there were.
    Troubles met() const;
    /// Bits flipped since the start.
    std::size_t corrupted() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tiercel::test
