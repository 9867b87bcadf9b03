#pragma once

#include "../workload.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace tiercel::bench::peers {

/// Keys are made, and batches asked for, so many at a time.
inline constexpr std::size_t block_size = 16;

/// Keys to walk through, round and round, made before the clock starts: 8 bytes each, whatever the type of the key, so
/// that integers and strings take the same memory traffic to come by. A string key is string_key() of a number below
/// 10^8, of which the eight digits that vary are kept.
template <class K>
class Draws {
public:
    /// Cut to a multiple of the block; at least one block.
    explicit Draws(std::vector<std::uint64_t> numbers) : draws_(std::move(numbers)) {
        draws_.resize(draws_.size() / block_size * block_size);
        if constexpr (std::same_as<K, std::string>) {
            for (auto& draw : draws_)
                std::memcpy(&draw, string_key(draw).data() + varying, sizeof draw);
        }
    }

    std::size_t blocks() const { return draws_.size() / block_size; }

    /// Makes the keys of one block after the other, beginning with that of number `block`.
    class Reader {
    public:
        Reader(const Draws& draws, std::size_t block) : draws_(draws.draws_), at_(block * block_size % draws_.size()) {
            if constexpr (std::same_as<K, std::string>) keys_.fill(string_key(0));
        }

        /// Valid until the next call.
        std::span<const K, block_size> next() {
            const auto* const block = draws_.data() + at_;
            at_ += block_size;
            if (at_ == draws_.size()) at_ = 0;
            if constexpr (std::same_as<K, std::string>) {
                for (std::size_t i = 0; i < block_size; ++i)
                    std::memcpy(keys_[i].data() + varying, block + i, sizeof *block);
                return keys_;
            } else {
                return std::span<const K, block_size>(block, block_size);
            }
        }

        std::size_t block() const { return at_ / block_size; }

    private:
        std::span<const std::uint64_t> draws_;
        std::size_t at_;
        std::array<K, block_size> keys_ = {};
    };

private:
    static constexpr std::size_t varying = 24; ///< where the last eight digits of a string_key() begin

    std::vector<std::uint64_t> draws_;
};

} // namespace tiercel::bench::peers
