#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tiercel::memory {

/// The keys that left lately, as 16 bits of their hash each, two bytes a ghost.
///
///     sets:   [ f4 f9 f1  -  -  -  - ... ]    32 bytes, half a cache line; youngest first
///             [ f7 f2 f5 f8 f3 f6  - ... ]    a key's set is chosen by its hash
///
/// Each set is a FIFO of its own, of at most 16: a ghost lives until as many followed it into its set as this has room
/// for, which is after about as many as there is room for in all. A stranger is taken for a ghost with a probability of
/// up to 16 / 65,535.
///
/// Thread safety: none. Errors: only resize() may throw, and then has changed nothing.
/// Cost: O(1) and one cache line each, but resize.
class FingerprintGhost {
public:
    /// Starts empty, with room for about so many.
    void resize(std::uint64_t ghosts);

    /// Whether the key is there; then it no longer is.
    bool take(std::uint64_t hash) noexcept;

    /// The oldest of the key's set goes, if it is full.
    void put(std::uint64_t hash) noexcept;

    void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&sets_[index_of(hash)], 1); }

    std::size_t bytes() const noexcept { return sets_.capacity() * sizeof(Set); }

private:
    static constexpr std::size_t ways = 16;

    struct alignas(32) Set {
        std::array<std::uint16_t, ways> fingerprints{}; ///< 0: none, and none after it
    };

    static std::uint16_t fingerprint_of(std::uint64_t hash) noexcept;
    std::size_t index_of(std::uint64_t hash) const noexcept {
        return static_cast<std::size_t>((hash >> 32) * sets_.size() >> 32);
    }

    std::vector<Set> sets_ = std::vector<Set>(1);
    std::size_t ways_used_ = 1;
};

} // namespace tiercel::memory
