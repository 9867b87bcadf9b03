#pragma once

#include <tiercel/result.hpp>

#include <atomic>
#include <cstddef>

namespace tiercel::transport {

/// Bounds the calls, and the bytes of their requests, that a connection holds.
/// Thread safety: all members may be called concurrently. Relaxed: the counters order nothing else.
class Admission {
public:
    Admission(std::size_t max_calls, std::size_t max_bytes) : max_calls_(max_calls), max_bytes_(max_bytes) {}

    /// Errors: overloaded; nothing was taken then.
    Result<void> enter(std::size_t bytes);
    void leave(std::size_t bytes) noexcept;

    std::size_t calls() const noexcept { return calls_.load(std::memory_order_relaxed); }
    std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
    const std::size_t max_calls_;
    const std::size_t max_bytes_;
    std::atomic<std::size_t> calls_{0};
    std::atomic<std::size_t> bytes_{0};
};

} // namespace tiercel::transport
