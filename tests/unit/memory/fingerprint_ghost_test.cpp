#include "memory/fingerprint_ghost.hpp"

#include <tiercel/hash.hpp>

#include <gtest/gtest.h>

namespace tiercel::memory::test {
namespace {

/// As a store's shard sees them: bits 8 to 15 are the same for all.
std::uint64_t hash_in_a_shard(std::uint64_t key) {
    return hash_of(key) & ~std::uint64_t{0xFF00};
}

TEST(FingerprintGhost, gives_back_what_was_put_in_once) {
    FingerprintGhost ghosts;
    ghosts.resize(1000);
    EXPECT_FALSE(ghosts.take(hash_of(std::uint64_t{1})));
    ghosts.put(hash_of(std::uint64_t{1}));
    EXPECT_TRUE(ghosts.take(hash_of(std::uint64_t{1})));
    EXPECT_FALSE(ghosts.take(hash_of(std::uint64_t{1})));
}

TEST(FingerprintGhost, knows_most_of_the_latest_and_forgets_the_older) {
    constexpr std::uint64_t room = 10'000;
    FingerprintGhost ghosts;
    ghosts.resize(room);
    constexpr std::uint64_t put = 5 * room;
    for (std::uint64_t key = 0; key < put; ++key)
        ghosts.put(hash_in_a_shard(key));
    std::uint64_t young = 0; // of the latest half of the room
    std::uint64_t old = 0;   // followed by twice the room, and more
    for (std::uint64_t key = 0; key < put; ++key) {
        const bool held = ghosts.take(hash_in_a_shard(key));
        if (key >= put - room / 2 && held) ++young;
        if (key < put - 2 * room && held) ++old;
    }
    EXPECT_GT(young, room / 2 * 98 / 100);
    EXPECT_LT(old, (put - 2 * room) / 100);
}

TEST(FingerprintGhost, a_set_is_first_in_first_out) {
    for (const std::uint64_t room : {1U, 5U, 16U}) { // one set
        FingerprintGhost ghosts;
        ghosts.resize(room);
        for (std::uint64_t key = 0; key < 100; ++key)
            ghosts.put(hash_of(key));
        for (std::uint64_t key = 0; key < 100; ++key)
            EXPECT_EQ(ghosts.take(hash_of(key)), key >= 100 - room) << "key " << key << ", room for " << room;
    }
}

TEST(FingerprintGhost, one_taken_from_the_middle_leaves_room_for_another) {
    FingerprintGhost ghosts;
    ghosts.resize(3);
    for (const std::uint64_t key : {1U, 2U, 3U})
        ghosts.put(hash_of(key));
    EXPECT_TRUE(ghosts.take(hash_of(std::uint64_t{2})));
    ghosts.put(hash_of(std::uint64_t{4}));
    for (const std::uint64_t key : {1U, 3U, 4U})
        EXPECT_TRUE(ghosts.take(hash_of(key))) << key;
}

TEST(FingerprintGhost, seldom_takes_a_stranger_for_a_ghost) {
    constexpr std::uint64_t room = 20'000;
    constexpr std::uint64_t strangers = 500'000;
    FingerprintGhost ghosts;
    ghosts.resize(room);
    for (std::uint64_t key = 0; key < 2 * room; ++key)
        ghosts.put(hash_in_a_shard(key));
    std::uint64_t taken = 0;
    for (std::uint64_t key = 2 * room; key < 2 * room + strangers; ++key) {
        if (!ghosts.take(hash_in_a_shard(key))) continue;
        ++taken;
        ghosts.put(hash_in_a_shard(key)); // full as before
    }
    EXPECT_GT(taken, 0U);
    EXPECT_LT(taken, strangers * 2 * 16 / 65'536); // twice what is to be expected
}

TEST(FingerprintGhost, takes_two_bytes_a_ghost) {
    FingerprintGhost ghosts;
    ghosts.resize(100'000);
    EXPECT_NEAR(static_cast<double>(ghosts.bytes()), 200'000, 64);
}

} // namespace
} // namespace tiercel::memory::test
