#include "routing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>

namespace tiercel::redis {
namespace {

using ::testing::ElementsAre;

TEST(KeyGroups, have_keys_of_one_slot_in_their_order) {
    const std::vector<Slot> slots{7, 3, 7, 3, 9};
    const KeyGroups groups(slots, 100);
    ASSERT_EQ(groups.count(), 3U);
    EXPECT_THAT(groups[0], ElementsAre(1, 3));
    EXPECT_THAT(groups[1], ElementsAre(0, 2));
    EXPECT_THAT(groups[2], ElementsAre(4));
}

TEST(KeyGroups, are_not_too_large) {
    const std::vector<Slot> slots(5, 0);
    const KeyGroups groups(slots, 2);
    ASSERT_EQ(groups.count(), 3U);
    EXPECT_THAT(groups[0], ElementsAre(0, 1));
    EXPECT_THAT(groups[1], ElementsAre(2, 3));
    EXPECT_THAT(groups[2], ElementsAre(4));
}

TEST(KeyGroups, of_nothing_are_none) {
    EXPECT_EQ(KeyGroups({}, 10).count(), 0U);
}

TEST(KeyGroups, have_each_key_once_whatever_the_slots) {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<Slot> slots(random() % 50);
        for (auto& slot : slots)
            slot = static_cast<Slot>(random() % 8);
        const std::size_t most = 1 + random() % 5;
        const KeyGroups groups(slots, most);
        std::multiset<std::size_t> seen;
        for (std::size_t i = 0; i < groups.count(); ++i) {
            ASSERT_FALSE(groups[i].empty());
            ASSERT_LE(groups[i].size(), most);
            for (const auto place : groups[i]) {
                ASSERT_EQ(slots[place], slots[groups[i].front()]);
                seen.insert(place);
            }
        }
        ASSERT_EQ(seen.size(), slots.size());
        ASSERT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), slots.size());
    }
}

TEST(SplitByOwner, sends_each_command_to_the_owner_of_its_slot) {
    SlotMap map;
    map.move(1, {"a", 1});
    map.move(2, {"b", 2});
    map.move(3, {"a", 1});
    Commands commands;
    const std::array<BytesView, 1> word{"PING"};
    for (const Slot slot : std::array<Slot, 6>{2, 1, 9, 3, 2, 8})
        commands.add(word, slot);
    const auto parts = split_by_owner(map, commands, {0, 1, 2, 3, 5});
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(map.nodes()[*parts[0].node].host, "b");
    EXPECT_THAT(parts[0].places, ElementsAre(0));
    EXPECT_EQ(map.nodes()[*parts[1].node].host, "a");
    EXPECT_THAT(parts[1].places, ElementsAre(1, 3));
    EXPECT_FALSE(parts[2].node);
    EXPECT_THAT(parts[2].places, ElementsAre(2, 5));
}

TEST(SplitByOwner, of_nothing_is_nothing) {
    EXPECT_TRUE(split_by_owner(SlotMap(), Commands(), {}).empty());
}

} // namespace
} // namespace tiercel::redis
