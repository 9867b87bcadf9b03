#pragma once

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tiercel::memory {

/// Blocks of memory for entries: slab allocation (Bonwick, "The slab allocator", USENIX 1994), with magazines (Bonwick
/// and Adams, "Magazines and vmem", USENIX 2001). One for the process.
///
/// A cache holds blocks of one size by the hundred thousand and looks at one of them in no order: the TLB decides what
/// a hit costs. So blocks lie in slabs of the size of a huge page, which Linux is asked to make them (MADV_HUGEPAGE).
/// The first slab of each size is not, so that a small cache takes what it uses.
///
///     magazine   of each thread and size: some free blocks, no lock
///     depot      of each size: the slabs that have room, a mutex; deals with a batch at a time
///     slab       2 MiB aligned to its size:  header | block | block ...
///
/// A slab without a block in use goes back to the system, but for one of each size.
///
/// Thread safety: all members may be called concurrently, at any time of the process. A block may be freed by another
/// thread than took it.
/// Cost: a few nanoseconds; at one time in `batch` a lock, at one in some thousands a system call.
class Slabs {
public:
    static constexpr std::size_t slab_bytes = std::size_t{2} << 20;
    static constexpr std::size_t granule = 16; ///< blocks are multiples of it and aligned to it
    static constexpr std::size_t largest_block = 1024;
    static constexpr std::size_t cache_line = 64; ///< so are blocks that are a multiple of this

    /// At least 1 and at most largest_block bytes. Errors: throws std::bad_alloc.
    static void* take(std::size_t bytes);

    /// `bytes` is as it was for take().
    static void give(void* block, std::size_t bytes) noexcept;

    struct Stats {
        std::size_t slabs = 0;
        std::size_t blocks_out = 0; ///< in use, or in magazines
    };
    /// Of the blocks of that size. For tests.
    static Stats stats(std::size_t bytes);

    /// Empties the magazines of this thread. For tests.
    static void flush() noexcept;

private:
    static constexpr std::size_t classes = largest_block / granule;
    static constexpr std::size_t batch = 32;

    struct Block {
        Block* next;
    };

    struct Chain {
        Block* first = nullptr;
        std::size_t count = 0;

        void push(Block* block) noexcept {
            block->next = first;
            first = block;
            ++count;
        }
        Block* pop() noexcept {
            Block* const block = first;
            first = block->next;
            --count;
            return block;
        }
    };

    struct Slab;
    class Depot;
    struct Depots;
    struct Magazines;
    struct AtThreadEnd;

    static std::size_t class_of(std::size_t bytes) noexcept { return (bytes - 1) / granule; }
    static void* take_slowly(std::size_t at);
    static void give_slowly(void* block, std::size_t at) noexcept;
    static void know_this_thread() noexcept;

    static thread_local Magazines mine_;
};

} // namespace tiercel::memory
