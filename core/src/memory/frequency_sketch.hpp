#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tiercel::memory {

/// About how often each key was used lately, to 15, for keys known by hash: a count-min sketch of 4-bit counters, whose
/// counts are halved from time to time, so that what is no longer used is forgotten (Einziger, Friedman, Manes,
/// "TinyLFU: a highly efficient cache admission policy", 2017).
///
///     block (64 bytes, one cache line) = 4 rows of 32 counters; a key has one block, and one counter in each row
///
/// A count may be too high, when others share all four counters; but for the halving it is never too low. The halving
/// goes through the blocks over the next uses, a few at a time; who asks meanwhile gets what the halved count will be.
///
/// Thread safety: none. Errors: only fit() may throw, and then has changed nothing.
/// Cost: O(1) each, but fit; 8 to 16 bytes for each of the entries.
class FrequencySketch {
public:
    /// Room for the counts of so many keys, at least one, that are used often. Keeps the counts when it grows; when it
    /// shrinks, it starts empty.
    void fit(std::uint64_t entries);

    /// What it was last fitted to; 0: nothing yet, and nothing is counted.
    std::uint64_t entries() const noexcept { return entries_; }

    /// After so many uses the counts are halved, and the number of uses with them. At first: never.
    void set_period(std::uint64_t uses) noexcept { period_ = uses; }

    void count(std::uint64_t hash) noexcept;
    unsigned frequency(std::uint64_t hash) const noexcept;

    std::size_t bytes() const noexcept { return blocks_.capacity() * sizeof(Block); }

private:
    static constexpr std::size_t rows = 4;
    static constexpr std::size_t words_per_row = 2;

    struct alignas(64) Block {
        std::array<std::uint64_t, rows * words_per_row> words{};
    };

    /// Where in its block a key's counter of one row is.
    struct Counter {
        std::size_t word;
        unsigned shift;
    };

    std::size_t block_of(std::uint64_t mixed) const noexcept;
    static Counter counter_of(std::uint64_t mixed, std::size_t row) noexcept;
    void start_ageing() noexcept;
    void age(std::size_t blocks) noexcept;

    std::vector<Block> blocks_; ///< a power of two, or none
    std::uint64_t entries_ = 0;
    std::uint64_t period_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t counted_ = 0; ///< uses in the counters, about
    std::size_t aged_ = 0;      ///< blocks from here on are still to be halved; all of them when none is
    std::uint64_t odd_ = 0;     ///< counters that the halving under way rounded down
};

} // namespace tiercel::memory
