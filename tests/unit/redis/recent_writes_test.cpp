#include "recent_writes.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::redis {
namespace {

using namespace std::chrono_literals;

SteadyTime now_() {
    return std::chrono::steady_clock::now();
}

std::shared_ptr<RecentWrites> table() {
    return std::make_shared<RecentWrites>(10min, 1h, now_());
}

TEST(RecentWrites, knows_nothing_at_first) {
    EXPECT_FALSE(table()->is_recent("key", now_()));
}

TEST(RecentWrites, has_a_key_while_its_write_is_under_way_however_long) {
    const auto recent = table();
    RecentWrites::Writing writing(recent);
    writing.add("key");
    EXPECT_TRUE(recent->is_recent("key", now_()));
    EXPECT_TRUE(recent->is_recent("key", now_() + 24h));
    EXPECT_FALSE(recent->is_recent("another", now_()));
}

TEST(RecentWrites, has_a_key_for_the_staleness_after_its_write) {
    const auto recent = table();
    {
        RecentWrites::Writing writing(recent);
        writing.add("key");
        writing.answered();
    }
    const auto end = now_();
    EXPECT_TRUE(recent->is_recent("key", end + 10min - 1s));
    EXPECT_FALSE(recent->is_recent("key", end + 10min + 1s));
}

TEST(RecentWrites, has_a_key_for_longer_after_a_write_that_may_be_carried_out_late) {
    const auto recent = table();
    {
        RecentWrites::Writing writing(recent);
        writing.add("key");
    }
    const auto end = now_();
    EXPECT_TRUE(recent->is_recent("key", end + 70min - 1s));
    EXPECT_FALSE(recent->is_recent("key", end + 70min + 1s));
}

TEST(RecentWrites, is_not_shortened_by_a_later_write) {
    const auto recent = table();
    { RecentWrites::Writing(recent).add("key"); }
    {
        RecentWrites::Writing writing(recent);
        writing.add("key");
        writing.answered();
    }
    EXPECT_TRUE(recent->is_recent("key", now_() + 65min));
}

TEST(RecentWrites, counts_writes_under_way) {
    const auto recent = table();
    std::optional<RecentWrites::Writing> first(std::in_place, recent);
    first->add("key");
    {
        RecentWrites::Writing second(recent);
        second.add("key");
        second.add("key");
        second.answered();
    }
    EXPECT_TRUE(recent->is_recent("key", now_() + 24h)) << "the first goes on";
    first->answered();
    first.reset();
    EXPECT_FALSE(recent->is_recent("key", now_() + 24h));
}

TEST(RecentWrites, of_replicas_that_are_not_read_is_nothing) {
    RecentWrites::Writing writing(nullptr);
    writing.add("key");
    writing.answered();
}

TEST(RecentWrites, takes_few_keys_for_others) {
    const auto recent = table();
    {
        RecentWrites::Writing writing(recent);
        for (int i = 0; i < 1000; ++i)
            writing.add("written " + std::to_string(i));
    }
    int taken = 0;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(recent->is_recent("written " + std::to_string(i), now_()));
        taken += recent->is_recent("another " + std::to_string(i), now_()) ? 1 : 0;
    }
    EXPECT_LT(taken, 60); // 15 on average
}

TEST(RecentWrites, more_of_one_key_than_can_be_counted_keep_it_at_the_master) {
    const auto recent = table();
    {
        RecentWrites::Writing writing(recent);
        for (int i = 0; i < (1 << 24) + 10; ++i)
            writing.add("key");
        writing.answered();
    }
    EXPECT_TRUE(recent->is_recent("key", now_() + 24h));
    EXPECT_FALSE(recent->is_recent("another", now_())) << "nothing has run over";
}

/// For the thread sanitizer, and for counts that are lost.
TEST(RecentWrites, is_shared_by_threads) {
    const auto recent = table();
    std::atomic<bool> missed{false};
    std::vector<std::thread> writers;
    for (int t = 0; t < 4; ++t) {
        writers.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                const auto key = "key " + std::to_string(i % 7);
                RecentWrites::Writing writing(recent);
                writing.add(key);
                if (!recent->is_recent(key, now_() + 24h)) missed = true;
                writing.answered();
            }
        });
    }
    for (auto& writer : writers)
        writer.join();
    EXPECT_FALSE(missed);
    for (int i = 0; i < 7; ++i) {
        EXPECT_TRUE(recent->is_recent("key " + std::to_string(i), now_()));
        EXPECT_FALSE(recent->is_recent("key " + std::to_string(i), now_() + 24h)) << "all were counted down";
    }
}

} // namespace
} // namespace tiercel::redis
