#include "replica_lag.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tiercel::redis {
namespace {

using namespace std::chrono_literals;

const SteadyTime start{1h};
const std::string history(40, 'a');
const std::string another(40, 'b');

TEST(MasterHistory, tells_since_when_a_place_is_behind) {
    MasterHistory master(1s);
    EXPECT_FALSE(master.held_until({history, 100}));
    master.on_answer(start, {history, 100});
    master.on_answer(start + 250ms, {history, 200});
    master.on_answer(start + 500ms, {history, 300});
    EXPECT_FALSE(master.held_until({history, 99})) << "too far behind to tell";
    EXPECT_EQ(master.held_until({history, 100}), start);
    EXPECT_EQ(master.held_until({history, 199}), start);
    EXPECT_EQ(master.held_until({history, 200}), start + 250ms);
    EXPECT_EQ(master.held_until({history, 300}), start + 500ms);
    EXPECT_EQ(master.held_until({history, 1000}), start + 500ms) << "ahead: what came after was not asked for";
}

TEST(MasterHistory, of_a_master_that_writes_nothing_is_at_its_place_now) {
    MasterHistory master(1s);
    for (const auto ago : {0ms, 250ms, 500ms})
        master.on_answer(start + ago, {history, 100});
    EXPECT_EQ(master.held_until({history, 100}), start + 500ms);
}

TEST(MasterHistory, says_nothing_of_another_history) {
    MasterHistory master(1s);
    master.on_answer(start, {history, 100});
    EXPECT_FALSE(master.held_until({another, 100}));
    master.on_answer(start + 250ms, {another, 50});
    EXPECT_FALSE(master.held_until({history, 100})) << "the master has begun anew";
    EXPECT_EQ(master.held_until({another, 50}), start + 250ms);
    master.forget();
    EXPECT_FALSE(master.held_until({another, 50}));
}

TEST(MasterHistory, begins_anew_with_a_master_that_has_gone_back) {
    MasterHistory master(1s);
    master.on_answer(start, {history, 100});
    master.on_answer(start + 250ms, {history, 99});
    EXPECT_EQ(master.held_until({history, 100}), start + 250ms);
    EXPECT_EQ(master.size(), 1U);
}

TEST(MasterHistory, is_bounded_and_still_reaches_back) {
    MasterHistory master(1h);
    std::uint64_t offset = 0;
    auto now = start;
    for (int i = 0; i < 10'000; ++i) {
        now += 1s;
        master.on_answer(now, {history, ++offset});
        ASSERT_LE(master.size(), MasterHistory::max_size);
        ASSERT_EQ(master.held_until({history, offset}), now);
    }
    // Half an hour behind is known to be, to an eighth of what is allowed.
    const auto behind = master.held_until({history, offset - 1800});
    ASSERT_TRUE(behind);
    EXPECT_GE(now - *behind, 1800s);
    EXPECT_LE(now - *behind, 1800s + 2 * 450s);
    EXPECT_FALSE(master.held_until({history, offset - 4000})) << "older than anybody may read";
}

ReplicaLag lag() {
    return {1s, 50ms, 2s};
}

TEST(ReplicaLag, is_not_read_before_it_is_proven) {
    auto replica = lag();
    EXPECT_FALSE(replica.is_readable(start, 0));
    EXPECT_TRUE(replica.begin_question(start));
    replica.on_place(std::nullopt, 0);
    EXPECT_FALSE(replica.is_readable(start, 0)) << "behind, or not in sync";
}

TEST(ReplicaLag, is_read_until_what_it_held_is_too_old) {
    auto replica = lag();
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_place(start, 3);
    EXPECT_TRUE(replica.is_readable(start + 1s, 3));
    EXPECT_FALSE(replica.is_readable(start + 1s + 1ns, 3));
}

TEST(ReplicaLag, that_falls_behind_is_read_as_long_as_was_proven) {
    auto replica = lag();
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_place(start, 3);
    ASSERT_TRUE(replica.begin_question(start + 500ms));
    replica.on_place(std::nullopt, 3);
    EXPECT_TRUE(replica.is_readable(start + 1s, 3));
    EXPECT_FALSE(replica.is_readable(start + 1s + 1ns, 3));
}

TEST(ReplicaLag, that_may_have_been_restarted_is_not_read_until_asked_again) {
    auto replica = lag();
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_place(start, 3);
    EXPECT_FALSE(replica.is_readable(start, 4));
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_place(start, 4);
    EXPECT_TRUE(replica.is_readable(start, 4));
}

TEST(ReplicaLag, is_asked_one_question_at_a_time) {
    auto replica = lag();
    EXPECT_TRUE(replica.begin_question(start));
    EXPECT_FALSE(replica.begin_question(start + 1h));
    replica.on_place(start, 0);
    EXPECT_TRUE(replica.begin_question(start + 1h));
}

TEST(ReplicaLag, that_does_not_answer_is_left_alone_for_longer_and_longer) {
    auto replica = lag();
    auto now = start;
    for (const auto delay : {50ms, 100ms, 200ms, 400ms}) {
        ASSERT_TRUE(replica.begin_question(now));
        replica.on_no_place(now, 0);
        EXPECT_FALSE(replica.begin_question(now + delay / 2 - 1ms));
        now += delay;
    }
    ASSERT_TRUE(replica.begin_question(now));
    replica.on_place(now, 0);
    EXPECT_TRUE(replica.is_readable(now, 0));
}

TEST(ReplicaLag, that_fails_a_read_is_left_alone_once_for_all_who_fail) {
    auto replica = lag();
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_place(start, 0);
    for (int i = 0; i < 100; ++i)
        replica.on_failed_read(start, 0);
    EXPECT_FALSE(replica.is_readable(start, 0));
    EXPECT_FALSE(replica.begin_question(start));
    EXPECT_TRUE(replica.begin_question(start + 50ms)) << "the least back-off, not the hundredth";
}

TEST(ReplicaLag, that_did_not_answer_is_not_read) {
    auto replica = lag();
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_place(start, 0);
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_no_place(start, 0);
    EXPECT_FALSE(replica.is_readable(start, 0));
}

} // namespace
} // namespace tiercel::redis
