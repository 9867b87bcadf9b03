#include "memory/fingerprint_ghost.hpp"

#include <algorithm>
#include <bit>

namespace tiercel::memory {

void FingerprintGhost::resize(std::uint64_t ghosts) {
    const std::uint64_t room = std::clamp<std::uint64_t>(ghosts, 1, std::uint64_t{ways} << 32);
    const std::uint64_t sets = (room + ways - 1) / ways;
    sets_ = std::vector<Set>(static_cast<std::size_t>(sets));
    ways_used_ = static_cast<std::size_t>((room + sets / 2) / sets);
}

/// Of bits that a shard's keys do not have in common: see Store, which takes the shard from bits 8 to 23.
std::uint16_t FingerprintGhost::fingerprint_of(std::uint64_t hash) noexcept {
    const auto bits = static_cast<std::uint16_t>((hash & 0xFF) | (hash >> 16 & 0xFF00));
    return bits != 0 ? bits : std::uint16_t{1};
}

bool FingerprintGhost::take(std::uint64_t hash) noexcept {
    auto& all = sets_[index_of(hash)].fingerprints;
    const std::uint16_t wanted = fingerprint_of(hash);
    // No early end: of a fixed length, the compiler compares them all at once.
    std::uint32_t matches = 0;
    for (std::size_t way = 0; way < ways; ++way)
        matches |= static_cast<std::uint32_t>(all[way] == wanted ? 1 : 0) << way;
    if (matches == 0) return false;
    const auto found = all.begin() + std::countr_zero(matches);
    std::copy(found + 1, all.end(), found);
    all.back() = 0;
    return true;
}

void FingerprintGhost::put(std::uint64_t hash) noexcept {
    auto& all = sets_[index_of(hash)].fingerprints;
    std::copy_backward(all.begin(), all.end() - 1, all.end());
    all.front() = fingerprint_of(hash);
    if (ways_used_ < ways) all[ways_used_] = 0;
}

} // namespace tiercel::memory
