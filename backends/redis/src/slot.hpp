#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace tiercel::redis {

/// A cluster divides its keys into slots, and the slots among its nodes.
using Slot = std::uint16_t;
inline constexpr std::size_t slot_count = 16384;

/// CRC-16/XMODEM of the key, or of its hash tag: what stands between the first { and the first } after it, if that is
/// not empty. Keys of one tag are in one slot.
Slot slot_of(BytesView key) noexcept;

} // namespace tiercel::redis
