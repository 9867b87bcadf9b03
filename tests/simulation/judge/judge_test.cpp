// The judge on histories made by hand: each breaks one promise, or comes as near to it as it may.
#include "story.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tiercel::simulation {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

std::vector<int> broken(const Story& story) {
    std::vector<int> promises;
    for (const auto& violation : judge(story.history))
        promises.push_back(violation.promise);
    return promises;
}

TEST(Judge, finds_nothing_in_a_load_a_hit_an_invalidation_and_another_load) {
    Story story;
    const auto first = story.load(1, 2);
    story.operation(Act::get_or_load, 0.5, 3, Story::value(first, Source::Kind::loader));
    story.get(4, 5, Story::value(first));
    story.invalidated(6, 8);
    const auto second = story.load(9, 10);
    story.get(11, 12, Story::value(second));
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, says_which_key_operations_times_and_seed) {
    Story story;
    story.history.seed = 77;
    const auto load = story.load(1, 2);
    story.invalidated(6, 8);
    story.get(11, 12, Story::value(load));
    const auto text = to_text(story.history, judge(story.history));
    EXPECT_THAT(text, ::testing::HasSubstr("seed 77: promise 1 is broken: #1 get k1 of p0 (0.011000 s"));
    EXPECT_THAT(text, ::testing::HasSubstr("#0 invalidate k1"));
    EXPECT_THAT(text, ::testing::HasSubstr("--seed 77"));
}

TEST(Judge, promise_1_a_value_loaded_before_an_invalidation_is_read_after_it) {
    Story story;
    const auto load = story.load(1, 2);
    story.invalidated(6, 8);
    story.get(11, 12, Story::value(load));
    EXPECT_THAT(broken(story), Contains(1));
}

TEST(Judge, promise_1_is_kept_by_a_read_that_began_before_the_invalidation_ended) {
    Story story;
    const auto load = story.load(1, 2);
    story.invalidated(6, 8);
    story.get(7, 12, Story::value(load));
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, promise_1_a_read_after_a_put_gives_an_older_version) {
    Story story;
    const auto load = story.load(1, 2);
    story.put(3, 6);
    story.get(7, 8, Story::value(load));
    EXPECT_THAT(broken(story), Contains(1));
}

TEST(Judge, promise_1_is_kept_by_a_load_that_saw_what_was_put) {
    Story story;
    story.put(1, 6);
    const auto load = story.load(4, 8, Birth::Outcome::value, 2);
    story.get(9, 10, Story::value(load));
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, promise_1_an_invalidated_value_is_left_in_a_tier) {
    Story story;
    const auto load = story.load(1, 2);
    story.invalidated(6, 8);
    story.history.residues.push_back({0, 1, value_of(1, load), 0, Story::at(9)});
    EXPECT_THAT(broken(story), Contains(1));
}

TEST(Judge, promise_1_another_process_reads_what_was_cleared_long_ago) {
    Story story;
    auto second = story.history.lives[0];
    second.process = 1;
    story.history.lives.push_back(second);
    const auto load = story.load(1, 2);
    auto& clear = story.operation(Act::clear, 10, 20, Story::done());
    clear.keys.clear();
    story.get(2'000, 2'001, Story::value(load, Source::Kind::tier)).life = 1;
    EXPECT_THAT(broken(story), Contains(1));
}

TEST(Judge, promise_2_two_loads_of_a_key_at_once) {
    Story story;
    story.load(1, 5);
    story.load(2, 6);
    EXPECT_THAT(broken(story), Contains(2));
}

TEST(Judge, promise_2_is_kept_when_the_epoch_moved_in_between) {
    Story story;
    story.load(1, 5);
    story.invalidated(2, 3);
    story.load(4, 6);
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, promise_2_a_key_is_loaded_that_memory_has) {
    Story story;
    story.load(1, 5);
    story.load(7, 8);
    EXPECT_THAT(broken(story), Contains(2));
}

TEST(Judge, promise_2_is_kept_when_the_value_had_expired_or_was_not_to_be_cached) {
    Story expired;
    expired.load(1, 5);
    expired.load(10'006, 10'007);
    EXPECT_THAT(broken(expired), IsEmpty());
    Story uncacheable;
    uncacheable.load(1, 5);
    uncacheable.history.births[0].cacheable = false;
    uncacheable.load(7, 8);
    EXPECT_THAT(broken(uncacheable), IsEmpty());
}

TEST(Judge, promise_2_a_follower_is_not_told_that_the_load_has_ended) {
    Story story;
    const auto load = story.load(1, 5);
    story.operation(Act::get_or_load, 0.5, 6, Story::value(load, Source::Kind::loader));
    story.operation(Act::get_or_load, 0.6, 1'000.6, Story::error(Errc::timeout, "CallOptions::timeout"));
    EXPECT_THAT(broken(story), Contains(2));
}

TEST(Judge, promise_2_is_kept_by_a_read_whose_load_is_still_under_way_at_its_deadline) {
    Story story;
    story.load(1, 300);
    auto& read = story.operation(Act::get_or_load, 0.5, 200.5, Story::error(Errc::timeout, "CallOptions::timeout"));
    read.timeout = 200ms;
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, promise_3_a_value_of_another_key) {
    Story story;
    const auto load = story.load(1, 2);
    story.history.births[load].key = 2;
    auto result = Story::value(load);
    result.value = value_of(2, load);
    story.get(3, 4, result);
    EXPECT_THAT(broken(story), Contains(3));
}

TEST(Judge, promise_4_a_value_past_its_time_to_live) {
    Story story;
    const auto load = story.load(1, 2);
    story.get(10'001, 10'001.5, Story::value(load));
    EXPECT_THAT(broken(story), IsEmpty());
    story.get(10'002, 10'003, Story::value(load));
    EXPECT_THAT(broken(story), Contains(4));
}

TEST(Judge, promise_5_memory_keeps_a_value_beyond_its_cap) {
    Story story;
    story.history.lives[0].max_memory_ttl = 100ms;
    const auto load = story.load(1, 2);
    story.get(101, 101.5, Story::value(load));
    EXPECT_THAT(broken(story), IsEmpty());
    story.get(103, 104, Story::value(load));
    EXPECT_THAT(broken(story), Contains(5));
}

TEST(Judge, promise_6_a_lenient_read_gets_a_tiers_error) {
    Story story;
    auto& read = story.get(1, 2, Story::error(Errc::connection_lost, "gone"));
    EXPECT_THAT(broken(story), Contains(6));
    read.strictness = Strictness::strict;
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, promise_6_a_lookup_waits_for_a_tier_beyond_the_tiers_timeout) {
    Story story;
    story.get(1, 1'001, Story::error(Errc::timeout, "CallOptions::timeout"));
    EXPECT_THAT(broken(story), Contains(6));
}

TEST(Judge, promise_8_an_operation_ends_late_or_never) {
    Story late;
    late.get(1, 1'002, KeyResult());
    EXPECT_THAT(broken(late), Contains(8));
    Story never;
    never.get(1, 2, KeyResult()).end = {};
    EXPECT_THAT(broken(never), Contains(8));
}

TEST(Judge, promise_9_somebody_elses_cancelling_is_told) {
    Story story;
    auto& read = story.get(1, 3, Story::error(Errc::cancelled, "gave up"));
    EXPECT_THAT(broken(story), Contains(9));
    read.cancelled = Story::at(2);
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(Judge, promise_9_a_deadline_is_told_before_it) {
    Story story;
    story.get(1, 30, Story::error(Errc::timeout, "CallOptions::timeout"));
    EXPECT_THAT(broken(story), Contains(9));
}

TEST(Judge, promise_10_an_error_is_told_after_its_load) {
    Story story;
    story.load(1, 5, Birth::Outcome::error);
    story.operation(Act::get_or_load, 2, 6, Story::error(Errc::loader_failed, "load 0"));
    EXPECT_THAT(broken(story), IsEmpty());
    story.operation(Act::get_or_load, 7, 8, Story::error(Errc::loader_failed, "load 0"));
    EXPECT_THAT(broken(story), Contains(10));
}

TEST(Judge, promise_10_an_absence_that_nobody_said_or_not_for_so_long) {
    Story unsaid;
    unsaid.load(1, 2, Birth::Outcome::error);
    unsaid.get(3, 4, Story::absent());
    EXPECT_THAT(broken(unsaid), Contains(10));
    Story said;
    said.load(1, 2, Birth::Outcome::absent);
    said.get(3, 4, Story::absent());
    EXPECT_THAT(broken(said), IsEmpty());
    said.get(1'003, 1'004, Story::absent());
    EXPECT_THAT(broken(said), Contains(10));
}

TEST(Judge, promise_10_what_was_not_to_be_cached_is_read_later) {
    Story story;
    const auto load = story.load(1, 5);
    story.history.births[load].cacheable = false;
    story.get(2, 6, Story::value(load, Source::Kind::loader));
    EXPECT_THAT(broken(story), IsEmpty());
    story.get(7, 8, Story::value(load));
    EXPECT_THAT(broken(story), Contains(10));
}

TEST(Judge, promise_11_a_put_succeeds_that_the_source_has_not_taken) {
    Story story;
    const auto put = story.put(1, 5);
    EXPECT_THAT(broken(story), IsEmpty());
    story.history.births[put].committed = {};
    EXPECT_THAT(broken(story), Contains(11));
}

TEST(Judge, promise_11_a_refused_value_is_read) {
    Story story;
    const auto put = story.put(1, 5);
    story.history.births[put].committed = {};
    story.history.operations.clear();
    story.get(6, 7, Story::value(put));
    EXPECT_THAT(broken(story), Contains(11));
}

TEST(Judge, promise_11_a_tier_is_said_to_have_erased_what_it_has_not) {
    Story story;
    story.invalidate(1, 5);
    EXPECT_THAT(broken(story), Contains(11));
    story.server_call(ServerCall::Kind::erase, 2, 3);
    EXPECT_THAT(broken(story), IsEmpty());
    story.history.server_calls.back().ok = false;
    EXPECT_THAT(broken(story), Contains(11));
}

TEST(Judge, promise_12_a_value_that_nobody_made) {
    Story story;
    auto result = Story::value(0);
    result.value = 0x1234567890;
    story.get(1, 2, result);
    EXPECT_THAT(broken(story), Contains(12));
}

TEST(Judge, promise_13_something_is_still_counted_when_a_cache_has_ended) {
    Story story;
    story.close(5, 6);
    EXPECT_THAT(broken(story), IsEmpty());
    story.history.lives[0].waiters = 1;
    EXPECT_THAT(broken(story), Contains(13));
}

TEST(Judge, promise_14_the_listener_misses_a_departure) {
    Story story;
    story.history.lives[0].inserts = 2;
    story.history.lives[0].removals = 2;
    story.close(5, 6);
    for (const double when : {3.0, 5.5})
        story.history.departures.push_back({0, 1, value_of(1, 0), RemovalCause::expired, Story::at(when)});
    EXPECT_THAT(broken(story), IsEmpty());
    story.history.departures.pop_back();
    EXPECT_THAT(broken(story), Contains(14));
}

TEST(Judge, promise_15_something_runs_after_the_end) {
    Story loads;
    loads.close(5, 6);
    loads.load(7, 8);
    EXPECT_THAT(broken(loads), Contains(15));
    Story asks;
    asks.close(5, 6);
    asks.server_call(ServerCall::Kind::get, 7, 8);
    EXPECT_THAT(broken(asks), Contains(15));
    Story answers;
    answers.get(4, 7, KeyResult());
    answers.close(5, 6);
    EXPECT_THAT(broken(answers), Contains(15));
}

TEST(Judge, promise_15_a_cache_says_closed_that_is_not) {
    Story story;
    story.get(1, 2, Story::error(Errc::closed, "closed"));
    EXPECT_THAT(broken(story), Contains(15));
}

} // namespace
} // namespace tiercel::simulation
