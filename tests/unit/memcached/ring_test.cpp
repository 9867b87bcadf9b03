#include "ring.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace {

using namespace tiercel::memcached;

Ring ring_of(const std::vector<Server>& servers) {
    auto ring = Ring::create(servers);
    EXPECT_TRUE(ring);
    return std::move(*ring);
}

std::string key(int i) {
    return "key:" + std::to_string(i);
}

std::vector<int> shares(const Ring& ring, std::size_t servers, int keys) {
    std::vector<int> counts(servers);
    for (int i = 0; i < keys; ++i)
        ++counts.at(ring.server_of(key(i)));
    return counts;
}

const std::vector<Server> three = {{.host = "10.0.0.1"}, {.host = "10.0.0.2"}, {.host = "10.0.0.3"}};

TEST(Ring, shares_keys_by_weight) {
    for (const int share : shares(ring_of(three), 3, 30'000))
        EXPECT_NEAR(share, 10'000, 2'500);
    auto weighted = three;
    weighted[1].weight = 2;
    const auto counts = shares(ring_of(weighted), 3, 40'000);
    EXPECT_NEAR(counts[0], 10'000, 2'500);
    EXPECT_NEAR(counts[1], 20'000, 3'500);
    EXPECT_NEAR(counts[2], 10'000, 2'500);
}

TEST(Ring, leaves_keys_where_they_are_when_a_server_is_added) {
    auto four = three;
    four.push_back({.host = "10.0.0.4"});
    const auto before = ring_of(three);
    const auto after = ring_of(four);
    int moved = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto place = after.server_of(key(i));
        if (place == before.server_of(key(i))) continue;
        EXPECT_EQ(place, 3u);
        ++moved;
    }
    EXPECT_NEAR(moved, 2'500, 800);
}

TEST(Ring, does_not_depend_on_the_order_of_the_servers) {
    const auto one = ring_of(three);
    const auto other = ring_of({three[2], three[0], three[1]});
    const std::size_t places[] = {1, 2, 0};
    for (int i = 0; i < 1'000; ++i)
        EXPECT_EQ(other.server_of(key(i)), places[one.server_of(key(i))]);
}

TEST(Ring, places_keys_where_it_always_has) {
    const auto ring =
        ring_of({{.host = "10.0.0.1"}, {.host = "10.0.0.2", .port = 11212, .weight = 2}, {.host = "/run/m.sock"}});
    std::string places;
    for (int i = 0; i < 24; ++i)
        places += static_cast<char>('0' + ring.server_of(key(i)));
    EXPECT_EQ(places, "112110121111112121201120");
}

TEST(Ring, takes_any_key_from_any_thread) {
    const auto ring = ring_of(three);
    const auto expected = shares(ring, 3, 5'000);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] { EXPECT_EQ(shares(ring, 3, 5'000), expected); });
    for (auto& thread : threads)
        thread.join();
    EXPECT_LT(ring.server_of({}), 3u);
    EXPECT_LT(ring.server_of(std::string(10'000'000, '\0')), 3u);
}

} // namespace
