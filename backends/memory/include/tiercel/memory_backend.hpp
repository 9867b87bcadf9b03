#pragma once

#include <tiercel/result.hpp>

#include <cstddef>
#include <memory>

namespace tiercel::spi {
class Backend;
class Clock;
} // namespace tiercel::spi

/// A backend inside the process: bytes in memory behind the same SPI as Redis and Memcached. The second tier where no
/// server is to be had, a simulated server in tests, and the reference for the contract suite.
namespace tiercel::memory_backend {

struct Options {
    /// What all entries together may take: key and value bytes plus `entry_overhead` for each entry. Over it, the
    /// least recently used leave, expired ones first. A key, or a value, of more than half of it is refused.
    std::size_t max_bytes = std::size_t{64} << 20;
    /// How many entries there may be; 0: as many as `max_bytes` allows.
    std::size_t max_entries = 0;
    /// Where time to live and deadlines are measured; null: the steady clock. A spi::Runtime is a clock.
    std::shared_ptr<const spi::Clock> clock = nullptr;
};

/// What an entry is charged beside its bytes: nodes and allocations, rounded up.
inline constexpr std::size_t entry_overhead = 256;

/// Everything a backend can do: conditional writes, remaining TTL, scan; keys and values of any bytes.
/// Thread safety: all members may be called concurrently; calls never suspend and never wait but for a short lock.
/// Errors: invalid_option, naming the field.
Result<std::shared_ptr<spi::Backend>> create(Options options = {});

} // namespace tiercel::memory_backend
