#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstdint>

namespace tiercel::wire {

struct Hash128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

/// XXH3 of the xxHash library, in the form that its own XXH3_64bits_withSeed and XXH3_128bits_withSeed give: the same
/// on every machine. Seed 0 is the unseeded hash.
std::uint64_t xxh3_64(BytesView bytes, std::uint64_t seed) noexcept;
Hash128 xxh3_128(BytesView bytes, std::uint64_t seed) noexcept;

} // namespace tiercel::wire
