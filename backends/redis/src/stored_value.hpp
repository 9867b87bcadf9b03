#pragma once

#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/bytes.hpp>

#include <array>
#include <cstddef>
#include <optional>

namespace tiercel::redis {

/// A value as it stands in Redis: the caller's bytes, then eight that name this write and no other, so that a script
/// can tell whether the key is still in the state that was read. Behind, not in front, so that a reader cuts them off
/// without moving the value.
inline constexpr std::size_t version_bytes = 8;

using VersionBytes = std::array<char, version_bytes>;

/// Little-endian.
VersionBytes encode_version(spi::Version version) noexcept;

/// `out` becomes the stored form of `value`.
void encode_stored(BytesView value, spi::Version version, Bytes& out);

/// Empty for bytes that no write of ours left there.
std::optional<spi::Found> decode_stored(Bytes stored);

} // namespace tiercel::redis
