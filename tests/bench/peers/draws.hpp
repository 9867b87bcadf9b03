#pragma once

#include "../workload.hpp"

#include <array>
#include <atomic>
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

    /// Blocks that a thread takes at a time.
    static constexpr std::size_t stretch = 64;

    /// Which draws come next, for any number of threads: each draw is taken once a round, by whoever comes first, so
    /// that no thread walks where another has just been and finds its keys there.
    class Cursor {
    public:
        /// The number of the first of the caller's next `stretch` blocks.
        std::size_t take() noexcept { return next_.fetch_add(stretch, std::memory_order_relaxed); }

    private:
        alignas(64) std::atomic<std::size_t> next_ = 0;
    };

    /// Makes the keys of one block after the other. For one thread.
    class Reader {
    public:
        Reader(const Draws& draws, Cursor& cursor) : draws_(draws.draws_), cursor_(&cursor) {
            if constexpr (std::same_as<K, std::string>) keys_.fill(string_key(0));
        }

        /// Valid until the next call.
        std::span<const K, block_size> next() {
            if (left_ == 0) {
                left_ = stretch;
                at_ = cursor_->take() * block_size % draws_.size();
            }
            --left_;
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

    private:
        std::span<const std::uint64_t> draws_;
        Cursor* cursor_;
        std::size_t at_ = 0;
        std::size_t left_ = 0;
        std::array<K, block_size> keys_ = {};
    };

private:
    static constexpr std::size_t varying = 24; ///< where the last eight digits of a string_key() begin

    std::vector<std::uint64_t> draws_;
};

} // namespace tiercel::bench::peers
