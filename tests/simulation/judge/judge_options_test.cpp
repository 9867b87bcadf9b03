// The judge on histories made by hand, of caches that serve what is stale, have leases, repairs and breakers.
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

/// A value that lives for ten seconds, loaded at 2 ms, and may be stale for five more.
struct StaleStory : Story {
    StaleStory() {
        history.lives[0].stale_keep = 5s;
        loaded = load(1, 2);
    }
    std::size_t loaded;
};

TEST(JudgeOfStaleness, is_content_with_a_stale_value_that_is_accepted) {
    StaleStory story;
    story.get(11'002, 11'003, Story::stale(story.loaded, 1'001, StaleReason::not_loaded));
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(JudgeOfStaleness, finds_one_that_is_not_accepted_or_too_old) {
    StaleStory fresh;
    fresh.get(11'002, 11'003, Story::stale(fresh.loaded, 1'001, StaleReason::not_loaded)).require = Require::fresh;
    EXPECT_THAT(broken(fresh), Contains(4));
    StaleStory old;
    old.get(11'002, 11'003, Story::stale(old.loaded, 1'001, StaleReason::not_loaded)).max_staleness = 1s;
    EXPECT_THAT(broken(old), Contains(4));
    StaleStory dead;
    dead.get(15'003, 15'004, Story::stale(dead.loaded, 5'002, StaleReason::not_loaded));
    EXPECT_THAT(broken(dead), Contains(4));
}

TEST(JudgeOfStaleness, finds_one_that_is_fresh_or_has_no_such_reason) {
    StaleStory early;
    early.get(9'000, 9'001, Story::stale(early.loaded, 1, StaleReason::not_loaded));
    EXPECT_THAT(broken(early), Contains(4));
    StaleStory reason;
    reason.operation(Act::get_or_load, 11'002, 11'003, Story::stale(reason.loaded, 1'001, StaleReason::load_failed));
    EXPECT_THAT(broken(reason), Contains(4));
}

/// A load failed at 11,010 ms; the lookup at `begin` ms is told that it is too early for another one.
std::vector<int> broken_if_told_to_retry_later(double begin) {
    StaleStory story;
    story.history.lives[0].retry_after = 500ms;
    story.history.lives[0].while_revalidate = false;
    story.load(11'001, 11'010, Birth::Outcome::error);
    story.operation(Act::get_or_load, 11'000, 11'011, Story::stale(story.loaded, 1'009, StaleReason::load_failed));
    story.operation(Act::get_or_load, begin, begin + 1,
                    Story::stale(story.loaded, begin + 1 - 10'002, StaleReason::retry_later));
    return broken(story);
}

TEST(JudgeOfStaleness, knows_that_who_joins_a_flight_hears_what_was_true_when_it_began) {
    EXPECT_THAT(broken_if_told_to_retry_later(11'400), testing::Not(Contains(4)));
    EXPECT_THAT(broken_if_told_to_retry_later(11'900), testing::Not(Contains(4))) << "joined one of 11,500 ms";
    EXPECT_THAT(broken_if_told_to_retry_later(12'100), Contains(4)) << "none of 11,500 ms is under way any more";
}

TEST(JudgeOfStaleness, finds_a_wrong_age) {
    StaleStory story;
    story.get(3, 4, Story::value(story.loaded)).results.front().age = 1s;
    EXPECT_THAT(broken(story), Contains(4));
}

TEST(JudgeOfStaleness, finds_an_error_though_memory_has_a_stale_value) {
    StaleStory story;
    story.history.lives[0].while_revalidate = false;
    const auto failed = story.load(11'001, 11'002, Birth::Outcome::error);
    story.operation(Act::get_or_load, 11'000, 11'003,
                    Story::error(Errc::loader_failed, "load " + std::to_string(failed)));
    EXPECT_THAT(broken(story), Contains(4));
}

TEST(JudgeOfStaleness, finds_a_load_too_soon_after_one_that_failed) {
    StaleStory story;
    story.history.lives[0].while_revalidate = false;
    story.history.lives[0].retry_after = 1s;
    story.load(11'001, 11'002, Birth::Outcome::error);
    story.load(11'500, 11'502, Birth::Outcome::error);
    EXPECT_THAT(broken(story), Contains(4));
    story.history.births.back().flight_began = 12s + 3ms;
    EXPECT_THAT(broken(story), IsEmpty());
}

/// Two processes with leases of a second.
struct FleetStory : Story {
    FleetStory() {
        history.shares_a_tier = history.fences_fleet = true;
        history.lives[0].lease_ttl = history.lives[0].lease_wait = 1s;
        history.lives[0].source_timeout = 5s;
        history.lives.push_back(history.lives[0]);
        history.lives[1].process = 1;
    }
    void load_by_another(double begin, double end) {
        const auto index = load(begin, end);
        history.births[index].life = 1;
    }
};

TEST(JudgeOfFleets, finds_two_loads_at_once_while_a_lease_stands) {
    FleetStory story;
    story.load(1, 800);
    story.load_by_another(500, 900);
    EXPECT_THAT(broken(story), Contains(2));
    story.history.births[1].flight_began -= 1s;
    EXPECT_THAT(broken(story), IsEmpty()) << "it has waited long enough";
}

TEST(JudgeOfFleets, finds_what_another_process_loaded_before_an_invalidation) {
    FleetStory story;
    story.load_by_another(1, 2);
    story.invalidated(6, 8);
    story.get(11, 12, Story::value(0, Source::Kind::tier));
    EXPECT_THAT(broken(story), Contains(1));
}

TEST(JudgeOfRepairs, finds_what_is_queued_and_never_done) {
    Story story;
    auto result = Story::done();
    result.report.tiers.front().kind = TierOutcome::Kind::queued;
    story.operation(Act::invalidate, 1, 2, result);
    EXPECT_THAT(broken(story), IsEmpty()) << "its cache may have ended";
    story.history.lives[0].settled = Story::at(9'000);
    story.history.lives[0].tiers_in_use = {true};
    EXPECT_THAT(broken(story), Contains(11));
    story.server_call(ServerCall::Kind::erase, 50, 51);
    EXPECT_THAT(broken(story), IsEmpty());
    story.history.lives[0].repairs = 1;
    EXPECT_THAT(broken(story), Contains(13));
}

/// A tier whose two calls are missed, with a breaker that two are enough for.
struct BreakerStory : Story {
    BreakerStory() {
        history.lives[0].breaker_failures = 2;
        call(1, 51);
        call(2, 52);
        tell(Told::Kind::opened, 52, 0);
    }
    void call(double begin, double deadline) {
        auto& sent = server_call(ServerCall::Kind::get, begin, deadline);
        sent.request = history.server_calls.size() - 1;
        sent.deadline = at(deadline).at;
        sent.ok = false;
        sent.heard = ServerCall::Heard::failure;
    }
};

TEST(JudgeOfBreakers, is_content_with_one_that_opens_is_probed_and_closes) {
    BreakerStory story;
    story.tell(Told::Kind::half_open, 100, 1);
    story.tell(Told::Kind::opened, 150, 1);
    story.tell(Told::Kind::half_open, 200, 2);
    story.tell(Told::Kind::closed, 201, 2);
    story.call(300, 350);
    EXPECT_THAT(broken(story), IsEmpty());
}

TEST(JudgeOfBreakers, finds_a_call_while_it_is_open) {
    BreakerStory story;
    story.call(60, 110);
    EXPECT_THAT(broken(story), Contains(6));
}

TEST(JudgeOfBreakers, finds_one_that_opens_too_soon_or_not_at_all) {
    BreakerStory soon;
    soon.history.lives[0].breaker_failures = 3;
    EXPECT_THAT(broken(soon), Contains(6));
    BreakerStory never;
    never.history.told.clear();
    EXPECT_THAT(broken(never), IsEmpty());
    never.call(60, 110);
    EXPECT_THAT(broken(never), Contains(6));
}

TEST(JudgeOfBreakers, finds_a_transition_that_is_not_told_or_told_twice) {
    BreakerStory missing;
    missing.tell(Told::Kind::closed, 201, 1);
    EXPECT_THAT(broken(missing), Contains(6));
    BreakerStory twice;
    twice.tell(Told::Kind::opened, 53, 0);
    EXPECT_THAT(broken(twice), Contains(6));
}

TEST(JudgeOfBreakers, finds_one_that_stays_open_though_all_is_well) {
    BreakerStory story;
    story.history.lives[0].settled = Story::at(9'000);
    story.history.lives[0].tiers_in_use = {false};
    EXPECT_THAT(broken(story), Contains(6));
}

} // namespace
} // namespace tiercel::simulation
