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

/// It is asked and says that it is there, which is what the master held then.
void prove(ReplicaLag& replica, SteadyTime now, std::uint64_t session = 0, std::uint64_t offset = 100) {
    ASSERT_TRUE(replica.begin_question(now));
    replica.on_place(now, now, {history, offset}, session);
}

TEST(ReplicaLag, is_not_read_before_it_is_proven) {
    auto replica = lag();
    EXPECT_FALSE(replica.is_readable(start, 0));
    EXPECT_TRUE(replica.begin_question(start));
    replica.on_place(start, std::nullopt, {history, 100}, 0);
    EXPECT_FALSE(replica.is_readable(start, 0)) << "behind, or not in sync";
}

TEST(ReplicaLag, is_read_until_what_it_held_is_too_old) {
    auto replica = lag();
    prove(replica, start, 3);
    EXPECT_TRUE(replica.is_readable(start + 1s, 3));
    EXPECT_FALSE(replica.is_readable(start + 1s + 1ns, 3));
}

TEST(ReplicaLag, that_falls_behind_is_read_as_long_as_was_proven) {
    auto replica = lag();
    prove(replica, start, 3);
    ASSERT_TRUE(replica.begin_question(start + 500ms));
    replica.on_place(start + 500ms, std::nullopt, {history, 100}, 3);
    EXPECT_TRUE(replica.is_readable(start + 1s, 3));
    EXPECT_FALSE(replica.is_readable(start + 1s + 1ns, 3));
}

TEST(ReplicaLag, that_has_gone_back_or_over_to_another_history_is_not_read) {
    for (const auto& place : {ReplicationPlace{history, 99}, ReplicationPlace{another, 1000}}) {
        auto replica = lag();
        prove(replica, start);
        ASSERT_TRUE(replica.begin_question(start + 1ms));
        replica.on_place(start + 1ms, std::nullopt, place, 0);
        EXPECT_FALSE(replica.is_readable(start + 1ms, 0)) << place.history << " " << place.offset;
    }
}

TEST(ReplicaLag, of_a_master_that_is_none_any_more_is_not_read_and_not_left_alone) {
    auto replica = lag();
    prove(replica, start);
    replica.on_no_master();
    EXPECT_FALSE(replica.is_readable(start, 0));
    prove(replica, start);
    EXPECT_TRUE(replica.is_readable(start, 0));
}

TEST(ReplicaLag, that_may_have_been_restarted_is_not_read_until_asked_again) {
    auto replica = lag();
    prove(replica, start, 3);
    EXPECT_FALSE(replica.is_readable(start, 4));
    prove(replica, start, 4);
    EXPECT_TRUE(replica.is_readable(start, 4));
}

TEST(ReplicaLag, is_in_doubt_if_only_a_session_since_keeps_it_from_being_read) {
    auto replica = lag();
    EXPECT_FALSE(replica.is_in_doubt(start, 4)) << "nothing was proven";
    prove(replica, start, 3);
    EXPECT_FALSE(replica.is_in_doubt(start, 3));
    EXPECT_TRUE(replica.is_in_doubt(start + 1s, 4));
    EXPECT_FALSE(replica.is_in_doubt(start + 1s + 1ns, 4));
    ASSERT_TRUE(replica.begin_question(start + 1ms));
    replica.on_place(start + 1ms, std::nullopt, {history, 100}, 4);
    EXPECT_FALSE(replica.is_in_doubt(start + 1ms, 4)) << "it was asked, and is behind";
}

TEST(ReplicaLag, is_asked_one_question_at_a_time) {
    auto replica = lag();
    EXPECT_TRUE(replica.begin_question(start));
    EXPECT_FALSE(replica.begin_question(start + 1h));
    replica.on_place(start + 1h, start, {history, 100}, 0);
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
    prove(replica, now);
    EXPECT_TRUE(replica.is_readable(now, 0));
}

TEST(ReplicaLag, that_fails_a_read_is_left_alone_once_for_all_who_fail) {
    auto replica = lag();
    prove(replica, start);
    for (int i = 0; i < 100; ++i)
        replica.on_failed_read(start, 0);
    EXPECT_FALSE(replica.is_readable(start, 0));
    EXPECT_FALSE(replica.begin_question(start));
    EXPECT_TRUE(replica.begin_question(start + 50ms)) << "the least back-off, not the hundredth";
}

TEST(ReplicaLag, that_answers_questions_and_fails_reads_is_left_alone_for_longer_and_longer) {
    auto replica = lag();
    auto now = start;
    for (const auto delay : {50ms, 100ms, 200ms, 400ms}) {
        prove(replica, now);
        replica.on_failed_read(now, 0);
        EXPECT_FALSE(replica.begin_question(now + delay - 1ms));
        now += delay;
    }
    prove(replica, now);
    EXPECT_TRUE(replica.on_read());
    replica.on_failed_read(now, 0);
    EXPECT_TRUE(replica.begin_question(now + 50ms)) << "a read that counts ends it";
}

TEST(ReplicaLag, that_failed_a_read_is_not_proven_by_what_was_asked_before) {
    auto replica = lag();
    prove(replica, start);
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_failed_read(start, 0);
    replica.on_place(start + 49ms, start, {history, 100}, 0);
    EXPECT_FALSE(replica.is_readable(start + 49ms, 0));
    EXPECT_FALSE(replica.on_read()) << "one that began before";
    EXPECT_FALSE(replica.begin_question(start + 49ms));
    prove(replica, start + 50ms);
    EXPECT_TRUE(replica.is_readable(start + 50ms, 0));
}

TEST(ReplicaLag, that_did_not_answer_is_not_read) {
    auto replica = lag();
    prove(replica, start);
    ASSERT_TRUE(replica.begin_question(start));
    replica.on_no_place(start, 0);
    EXPECT_FALSE(replica.is_readable(start, 0));
}

TEST(ReplicaLag, does_not_answer_for_what_is_its_readers_own) {
    for (const auto code : {Errc::overloaded, Errc::closed, Errc::cancelled, Errc::value_too_large})
        EXPECT_FALSE(ReplicaLag::speaks_against(Error(code, ""), 1h, 1s)) << static_cast<int>(code);
    EXPECT_FALSE(ReplicaLag::speaks_against(Error(Errc::timeout, ""), 999ms, 1s)) << "the reader was in a hurry";
    EXPECT_TRUE(ReplicaLag::speaks_against(Error(Errc::timeout, ""), 1s, 1s));
    for (const auto code : {Errc::connection_lost, Errc::permission_denied, Errc::moved, Errc::not_ready})
        EXPECT_TRUE(ReplicaLag::speaks_against(Error(code, ""), 0s, 1s)) << static_cast<int>(code);
}

TEST(Rounds, begin_an_interval_apart_and_one_at_a_time) {
    Rounds rounds(800ms, 50ms, 2s);
    EXPECT_TRUE(rounds.begin(start, Rounds::Urgency::none));
    EXPECT_FALSE(rounds.begin(start + 1h, Rounds::Urgency::none)) << "one is under way";
    rounds.end();
    EXPECT_FALSE(rounds.begin(start + 799ms, Rounds::Urgency::none));
    EXPECT_TRUE(rounds.begin(start + 800ms, Rounds::Urgency::none));
}

TEST(Rounds, begin_early_for_a_proof_in_doubt_but_do_not_storm) {
    Rounds rounds(800ms, 50ms, 2s);
    int begun = 0;
    for (auto now = start; now < start + 800ms; now += 1ms) {
        if (!rounds.begin(now, Rounds::Urgency::proof_in_doubt)) continue;
        rounds.end();
        ++begun;
    }
    EXPECT_EQ(begun, 8);
}

TEST(Rounds, ask_a_master_that_does_not_answer_less_and_less) {
    Rounds rounds(10ms, 50ms, 2s);
    auto now = start;
    for (const auto delay : {50ms, 100ms, 200ms, 400ms}) {
        ASSERT_TRUE(rounds.may_ask_master(now));
        rounds.on_no_answer(now, 0);
        EXPECT_FALSE(rounds.may_ask_master(now + delay - 1ms));
        EXPECT_TRUE(rounds.begin(now, Rounds::Urgency::none)) << "its replicas are asked";
        rounds.end();
        now += delay;
    }
    rounds.on_answer();
    rounds.on_no_answer(now, 0);
    EXPECT_TRUE(rounds.may_ask_master(now + 50ms));
}

} // namespace
} // namespace tiercel::redis
