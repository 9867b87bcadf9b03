#include "xx_hash.hpp"

// Inlined: consumers of the installed library need no xxHash.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tiercel::wire {

std::uint64_t xxh3_64(BytesView bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 xxh3_128(BytesView bytes, std::uint64_t seed) noexcept {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
    return {hash.low64, hash.high64};
}

} // namespace tiercel::wire
