#include "memory/frequency_sketch.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <bit>

namespace tiercel::memory {
namespace {

constexpr std::uint64_t most = 15;
constexpr std::uint64_t lowest_bits = 0x1111'1111'1111'1111U;
constexpr std::uint64_t all_but_highest_bits = 0x7777'7777'7777'7777U;
constexpr std::uint64_t entries_per_block = 8;
constexpr std::size_t blocks_aged_per_use = 4;

} // namespace

void FrequencySketch::fit(std::uint64_t entries) {
    const std::size_t wanted = std::bit_ceil((entries + entries_per_block - 1) / entries_per_block);
    if (wanted != blocks_.size()) {
        age(blocks_.size());
        std::vector<Block> blocks(wanted);
        if (wanted > blocks_.size() && !blocks_.empty()) {
            const std::size_t ratio = wanted / blocks_.size();
            for (std::size_t index = 0; index < wanted; ++index)
                blocks[index] = blocks_[index / ratio];
        } else {
            counted_ = 0;
        }
        blocks_.swap(blocks);
        aged_ = blocks_.size();
    }
    entries_ = entries;
}

void FrequencySketch::count(std::uint64_t hash) noexcept {
    if (blocks_.empty()) return;
    age(blocks_aged_per_use);
    const std::uint64_t mixed = detail::mix(hash);
    Block& block = blocks_[block_of(mixed)];
    bool any = false;
    for (std::size_t row = 0; row < rows; ++row) {
        const Counter counter = counter_of(mixed, row);
        std::uint64_t& word = block.words[counter.word];
        if ((word >> counter.shift & most) == most) continue;
        word += std::uint64_t{1} << counter.shift;
        any = true;
    }
    if (any && ++counted_ >= period_) start_ageing();
}

unsigned FrequencySketch::frequency(std::uint64_t hash) const noexcept {
    if (blocks_.empty()) return 0;
    const std::uint64_t mixed = detail::mix(hash);
    const std::size_t index = block_of(mixed);
    std::uint64_t least = most;
    for (std::size_t row = 0; row < rows; ++row) {
        const Counter counter = counter_of(mixed, row);
        least = std::min(least, blocks_[index].words[counter.word] >> counter.shift & most);
    }
    return static_cast<unsigned>(index < aged_ ? least : least / 2);
}

/// The top bits, so that twice as many blocks split each in two.
std::size_t FrequencySketch::block_of(std::uint64_t mixed) const noexcept {
    return (mixed >> 32) * blocks_.size() >> 32;
}

FrequencySketch::Counter FrequencySketch::counter_of(std::uint64_t mixed, std::size_t row) noexcept {
    const std::uint64_t bits = mixed >> (8 * row);
    return {row * words_per_row + (bits & 1), static_cast<unsigned>(bits >> 1 & 15) * 4};
}

void FrequencySketch::start_ageing() noexcept {
    age(blocks_.size()); // what is left of the last time: nothing
    counted_ /= 2;
    aged_ = 0;
    odd_ = 0;
}

/// Each use is in up to four counters, so that a quarter of what rounding took is the uses that went.
void FrequencySketch::age(std::size_t blocks) noexcept {
    if (aged_ == blocks_.size()) return;
    for (; blocks != 0 && aged_ != blocks_.size(); --blocks, ++aged_) {
        for (std::uint64_t& word : blocks_[aged_].words) {
            odd_ += static_cast<std::uint64_t>(std::popcount(word & lowest_bits));
            word = word >> 1 & all_but_highest_bits;
        }
    }
    if (aged_ == blocks_.size()) counted_ -= std::min(counted_, odd_ / rows / 2);
}

} // namespace tiercel::memory
