#include "hash_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

namespace tiercel::redis {
namespace {

using Member = HashRing::Member;

std::vector<std::string> many_keys() {
    std::vector<std::string> keys;
    for (int i = 0; i < 20'000; ++i)
        keys.push_back("key:" + std::to_string(i));
    return keys;
}

std::string owner(const std::vector<Member>& members, BytesView key) {
    return members[HashRing(members).owner(key)].name;
}

/// Where each key lives, by name.
std::map<std::string, std::string> placement(const std::vector<Member>& members) {
    const HashRing ring(members);
    std::map<std::string, std::string> placed;
    for (const auto& key : many_keys())
        placed[key] = members[ring.owner(key)].name;
    return placed;
}

// The values that other processes rely on. Computed apart from this code, by the recipe of the README.
TEST(HashRing, places_keys_where_it_always_has) {
    const std::vector<Member> members = {{"10.0.0.1:6379", 1}, {"10.0.0.2:6379", 2}, {"cache-c", 1}};
    const std::array<std::pair<BytesView, const char*>, 12> golden = {
        {{"", "10.0.0.1:6379"},
         {"a", "cache-c"},
         {"b", "cache-c"},
         {"c", "10.0.0.1:6379"},
         {"user:1", "cache-c"},
         {"user:2", "10.0.0.2:6379"},
         {"user:3", "10.0.0.2:6379"},
         {"user:4", "10.0.0.2:6379"},
         {"session:0c4f6d0e-3a58-4d0c-8f77-3a7c0f5f7b11", "cache-c"},
         {"{tag}:1", "10.0.0.2:6379"},
         {"{tag}:2", "10.0.0.2:6379"},
         {"page:/index.html", "10.0.0.2:6379"}}};
    for (const auto& [key, name] : golden)
        EXPECT_EQ(owner(members, key), name) << key;
}

TEST(HashRing, does_not_mind_the_order_of_the_list) {
    std::vector<Member> members = {{"a", 1}, {"b", 3}, {"c", 2}, {"d", 1}};
    const auto placed = placement(members);
    std::reverse(members.begin(), members.end());
    EXPECT_EQ(placement(members), placed);
    std::swap(members[0], members[2]);
    EXPECT_EQ(placement(members), placed);
}

TEST(HashRing, gives_shares_by_weight) {
    std::map<std::string, double> share;
    for (const auto& [key, name] : placement({{"a", 1}, {"b", 1}, {"c", 2}}))
        share[name] += 1.0 / 20'000;
    EXPECT_NEAR(share["a"], 0.25, 0.06);
    EXPECT_NEAR(share["b"], 0.25, 0.06);
    EXPECT_NEAR(share["c"], 0.50, 0.06);
}

TEST(HashRing, moves_only_the_keys_of_the_one_that_goes) {
    const auto before = placement({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}});
    const auto after = placement({{"a", 1}, {"b", 1}, {"d", 1}});
    for (const auto& [key, name] : before) {
        if (name == "c") {
            EXPECT_NE(after.at(key), "c");
        } else {
            ASSERT_EQ(after.at(key), name) << key;
        }
    }
}

TEST(HashRing, gives_everything_to_the_only_one) {
    const HashRing ring({{"a", 1}});
    for (const auto& key : many_keys())
        ASSERT_EQ(ring.owner(key), 0U);
    EXPECT_EQ(ring.owner(""), 0U);
}

} // namespace
} // namespace tiercel::redis
