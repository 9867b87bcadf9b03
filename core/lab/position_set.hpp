#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tiercel::lab {

/// A set of numbers below a bound that finds its largest in a step a level: bits, over them bits that say which words
/// have any, and so on up to one word.
class PositionSet {
public:
    explicit PositionSet(std::size_t bound) {
        do {
            bound = (bound + 63) / 64;
            levels_.emplace_back(bound);
        } while (bound > 1);
    }

    bool contains(std::size_t number) const noexcept { return (levels_[0][number / 64] >> (number % 64) & 1) != 0; }

    void insert(std::size_t number) noexcept {
        for (auto& level : levels_) {
            level[number / 64] |= std::uint64_t{1} << (number % 64);
            number /= 64;
        }
    }

    void erase(std::size_t number) noexcept {
        for (auto& level : levels_) {
            std::uint64_t& word = level[number / 64];
            word &= ~(std::uint64_t{1} << (number % 64));
            if (word != 0) return;
            number /= 64;
        }
    }

    /// Not of an empty set.
    std::size_t largest() const noexcept {
        std::size_t number = 0;
        for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
            number = number * 64 + static_cast<std::size_t>(std::bit_width((*level)[number]) - 1);
        return number;
    }

private:
    std::vector<std::vector<std::uint64_t>> levels_; ///< the numbers themselves first
};

} // namespace tiercel::lab
