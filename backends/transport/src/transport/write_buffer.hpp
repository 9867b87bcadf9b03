#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>

/// The buffer that a connection of either kind writes requests from: how much goes into it, what of it is kept.
namespace tiercel::transport {

/// Requests are written together up to this; what comes later waits for the next write and, should its deadline pass
/// before, is never sent.
inline constexpr std::size_t write_together_bytes = std::size_t{256} << 10;
/// A larger request becomes the buffer, if it is the first in it; others are copied there.
inline constexpr std::size_t copied_bytes = std::size_t{16} << 10;
/// Room kept for the next write while there is one after the other, and while there is none.
inline constexpr std::size_t kept_bytes = std::size_t{1} << 20;
inline constexpr std::size_t kept_idle_bytes = std::size_t{8} << 10;

/// Empties it. Its room goes if that is more than `most`.
inline void clear_keeping(Bytes& buffer, std::size_t most) noexcept {
    buffer.clear();
    if (buffer.capacity() > most) Bytes().swap(buffer); // assignment would keep the room
}

} // namespace tiercel::transport
