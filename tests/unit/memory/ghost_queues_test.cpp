#include "memory/ghost_queues.hpp"

#include <gtest/gtest.h>

#include <array>
#include <list>
#include <random>

namespace tiercel::memory::test {
namespace {

TEST(GhostQueues, do_as_two_lists_do) {
    GhostQueues ghosts;
    std::array<std::list<std::uint64_t>, 2> lists; // oldest in front
    std::size_t most = 50;
    std::mt19937_64 random{11};
    for (int done = 0; done < 300'000; ++done) {
        const auto queue = static_cast<GhostQueues::Queue>(random() % 2);
        const std::uint64_t key = random() % 1000;
        std::optional<GhostQueues::Queue> held;
        for (const auto at : {GhostQueues::first, GhostQueues::second})
            if (std::erase(lists[at], key) != 0) held = at;
        ASSERT_EQ(ghosts.contains(key), held.has_value()) << "operation " << done;
        switch (random() % 8) {
        case 0:
            ASSERT_EQ(ghosts.take(key), held) << "operation " << done;
            break;
        case 1:
            if (held) lists[*held].push_back(key), ghosts.push(*held, key); // the same key anew: the youngest again
            if (lists[queue].empty()) break;
            lists[queue].pop_front();
            ghosts.forget_oldest(queue);
            break;
        default:
            if (lists[0].size() + lists[1].size() == most && lists[queue].empty()) { // nobody to make room
                ghosts.take(key);
                break;
            }
            ghosts.reserve(most);
            ghosts.push(queue, key);
            if (ghosts.size() > most) ghosts.forget_oldest(queue);
            if (lists[0].size() + lists[1].size() == most) lists[queue].pop_front();
            lists[queue].push_back(key);
        }
        if (done % 5'000 == 0) {
            most = 1 + random() % 600;
            while (lists[0].size() + lists[1].size() > most) {
                const auto longer = lists[0].size() > lists[1].size() ? GhostQueues::first : GhostQueues::second;
                lists[longer].pop_front();
                ghosts.forget_oldest(longer);
            }
            ghosts.reserve(most);
        }
        ASSERT_EQ(ghosts.size(GhostQueues::first), lists[0].size()) << "operation " << done;
        ASSERT_EQ(ghosts.size(GhostQueues::second), lists[1].size()) << "operation " << done;
    }
}

TEST(GhostQueues, take_20_bytes_each_and_give_back_what_is_far_too_much) {
    constexpr std::size_t most = 100'000;
    GhostQueues ghosts;
    EXPECT_EQ(ghosts.bytes(), 0U);
    for (std::uint64_t key = 0; key < 2 * most; ++key) {
        ghosts.reserve(most);
        ghosts.push(GhostQueues::first, key);
    }
    EXPECT_EQ(ghosts.size(), most);
    EXPECT_EQ(ghosts.bytes(), most * 20);
    ghosts.trim(GhostQueues::first, 1000);
    ghosts.reserve(1000);
    EXPECT_LE(ghosts.bytes(), 1000U * 20);
    EXPECT_TRUE(ghosts.contains(2 * most - 1000));
    EXPECT_FALSE(ghosts.contains(2 * most - 1001));
}

TEST(GhostQueues, without_room_hold_nothing) {
    GhostQueues ghosts;
    ghosts.push(GhostQueues::first, 1);
    EXPECT_EQ(ghosts.size(), 0U);
    EXPECT_FALSE(ghosts.contains(1));
    EXPECT_FALSE(ghosts.take(1));
}

} // namespace
} // namespace tiercel::memory::test
