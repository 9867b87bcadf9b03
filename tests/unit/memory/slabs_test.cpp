#include "memory/slabs.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace tiercel::memory::test {
namespace {

// Sizes of which no entry of these tests is.
constexpr std::size_t size = 1008;
constexpr std::size_t line_size = 960;
constexpr std::size_t shared_size = 992;

std::uintptr_t address(const void* block) {
    return reinterpret_cast<std::uintptr_t>(block);
}

TEST(Slabs, blocks_do_not_overlap_and_are_aligned) {
    for (const std::size_t bytes :
         {std::size_t{1}, std::size_t{16}, std::size_t{17}, line_size, Slabs::largest_block}) {
        std::set<std::uintptr_t> blocks;
        for (int i = 0; i < 5000; ++i)
            blocks.insert(address(Slabs::take(bytes)));
        EXPECT_EQ(blocks.size(), 5000U);
        const std::size_t alignment = bytes % Slabs::cache_line == 0 ? Slabs::cache_line : Slabs::granule;
        std::uintptr_t end = 0;
        for (const auto block : blocks) {
            ASSERT_EQ(block % alignment, 0U) << bytes;
            ASSERT_GE(block, end) << bytes;
            end = block + bytes;
            std::memset(reinterpret_cast<void*>(block), 0xA5, bytes);
        }
        for (const auto block : blocks)
            Slabs::give(reinterpret_cast<void*>(block), bytes);
    }
}

TEST(Slabs, a_block_given_back_is_the_next_one_taken) {
    void* const block = Slabs::take(size);
    Slabs::give(block, size);
    EXPECT_EQ(Slabs::take(size), block);
    Slabs::give(block, size);
}

TEST(Slabs, a_slab_without_a_block_in_use_goes_but_for_one) {
    Slabs::flush();
    ASSERT_EQ(Slabs::stats(size).blocks_out, 0U);
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 4 * Slabs::slab_bytes / size; ++i)
        blocks.push_back(Slabs::take(size));
    EXPECT_EQ(Slabs::stats(size).slabs, 5U) << "the headers take some of four";
    EXPECT_GE(Slabs::stats(size).blocks_out, blocks.size());

    // One block of each slab keeps it.
    std::set<std::uintptr_t> slabs;
    std::vector<void*> kept;
    for (void* const block : blocks) {
        if (slabs.insert(address(block) / Slabs::slab_bytes).second) {
            kept.push_back(block);
        } else {
            Slabs::give(block, size);
        }
    }
    Slabs::flush();
    EXPECT_EQ(Slabs::stats(size).slabs, 5U);
    for (void* const block : kept)
        Slabs::give(block, size);
    Slabs::flush();
    EXPECT_EQ(Slabs::stats(size).blocks_out, 0U);
    EXPECT_EQ(Slabs::stats(size).slabs, 1U);
}

TEST(Slabs, an_empty_slab_stays_beside_one_with_little_room) {
    Slabs::flush();
    const auto before = Slabs::stats(size).slabs;
    std::vector<void*> blocks;
    while (Slabs::stats(size).slabs < before + 2)
        blocks.push_back(Slabs::take(size));
    std::vector<void*> of_the_last;
    std::erase_if(blocks, [last = address(blocks.back()) / Slabs::slab_bytes, &of_the_last](void* block) {
        if (address(block) / Slabs::slab_bytes != last) return false;
        of_the_last.push_back(block);
        return true;
    });
    for (void* const block : of_the_last)
        Slabs::give(block, size);
    Slabs::flush();
    EXPECT_EQ(Slabs::stats(size).slabs, before + 2);
    for (void* const block : blocks)
        Slabs::give(block, size);
    Slabs::flush();
    EXPECT_EQ(Slabs::stats(size).slabs, 1U);
}

TEST(Slabs, a_thread_that_ends_gives_back_what_it_kept) {
    Slabs::flush();
    void* taken = nullptr;
    std::thread([&] {
        for (int i = 0; i < 10; ++i)
            taken = Slabs::take(line_size);
    }).join();
    EXPECT_EQ(Slabs::stats(line_size).blocks_out, 10U);
    std::thread([&] { Slabs::give(taken, line_size); }).join(); // and one that only ever gave
    EXPECT_EQ(Slabs::stats(line_size).blocks_out, 9U);
}

/// Takes and gives in its thread_local destructor, after the magazines are gone or before.
struct LateUser {
    ~LateUser() {
        void* const block = Slabs::take(size);
        std::memset(block, 1, size);
        Slabs::give(block, size);
    }
};

TEST(Slabs, may_be_used_while_a_thread_ends) {
    Slabs::flush();
    std::thread([] {
        thread_local const LateUser before;
        (void)before;
        Slabs::give(Slabs::take(size), size);
        thread_local const LateUser after;
        (void)after;
    }).join();
    EXPECT_EQ(Slabs::stats(size).blocks_out, 0U);
}

TEST(Slabs, a_block_has_one_owner_at_a_time_among_threads_that_pass_them_on) {
    constexpr int thread_count = 4;
    struct Exchange {
        std::mutex mutex;
        std::vector<std::uint64_t*> blocks;
    } exchange;
    std::vector<std::thread> threads;
    for (int number = 0; number < thread_count; ++number) {
        threads.emplace_back([&, number] {
            std::mt19937_64 random(static_cast<std::uint64_t>(number));
            std::vector<std::uint64_t*> mine;
            const auto stamp = static_cast<std::uint64_t>(number) + 1;
            for (int step = 0; step < 100'000; ++step) {
                switch (random() % 3) {
                case 0: {
                    auto* const block = static_cast<std::uint64_t*>(Slabs::take(shared_size));
                    block[0] = block[shared_size / 8 - 1] = stamp;
                    mine.push_back(block);
                    break;
                }
                case 1:
                    if (mine.empty()) break;
                    ASSERT_EQ(mine.back()[0], stamp);
                    ASSERT_EQ(mine.back()[shared_size / 8 - 1], stamp);
                    Slabs::give(mine.back(), shared_size);
                    mine.pop_back();
                    break;
                default: {
                    const std::lock_guard lock(exchange.mutex);
                    if (mine.empty() || random() % 2 == 0) {
                        if (exchange.blocks.empty()) break;
                        mine.push_back(exchange.blocks.back());
                        exchange.blocks.pop_back();
                        mine.back()[0] = mine.back()[shared_size / 8 - 1] = stamp;
                    } else {
                        exchange.blocks.push_back(mine.back());
                        mine.pop_back();
                    }
                }
                }
            }
            for (auto* const block : mine)
                Slabs::give(block, shared_size);
        });
    }
    for (auto& thread : threads)
        thread.join();
    for (auto* const block : exchange.blocks)
        Slabs::give(block, shared_size);
    Slabs::flush();
    EXPECT_EQ(Slabs::stats(shared_size).blocks_out, 0U);
    EXPECT_LE(Slabs::stats(shared_size).slabs, 1U);
}

} // namespace
} // namespace tiercel::memory::test
