#include "master_search.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

using State = MasterSearch::State;
using Voice = MasterSearch::Voice;

const NodeAddress old_master{"10.0.0.1", 6379};
const NodeAddress new_master{"10.0.0.2", 6379};

const Result<void> is_master;
const Result<void> is_replica = Error(Errc::read_only, "a replica");
const Result<void> is_down = Error(Errc::connection_failed, "down");

Result<SentinelAnswer> names(const NodeAddress& master, std::uint64_t epoch = 1) {
    return SentinelAnswer{.master = master, .epoch = epoch};
}
Result<SentinelAnswer> fails(Errc code = Errc::connection_failed) {
    return Error(code, "failed");
}

std::optional<NodeAddress> candidate_of(const MasterSearch& search) {
    if (search.state() != State::trying) return std::nullopt;
    return search.candidate();
}

MasterSearch of_three() {
    return MasterSearch({Voice::awaited, Voice::awaited, Voice::awaited});
}

TEST(MasterSearch, listens_until_most_have_named_a_master) {
    auto search = of_three();
    search.on_answer(0, names(old_master));
    EXPECT_EQ(search.state(), State::listening);
    search.on_answer(2, names(old_master));
    EXPECT_NE(search.state(), State::listening);
    EXPECT_EQ(candidate_of(search), old_master);
}

TEST(MasterSearch, is_over_when_the_candidate_says_that_it_is_the_master) {
    auto search = of_three();
    search.on_answer(0, names(old_master));
    search.on_answer(1, names(old_master));
    search.on_role(is_master);
    EXPECT_EQ(candidate_of(search), old_master);
}

TEST(MasterSearch, turns_to_the_others_when_sentinels_fail) {
    auto search = of_three();
    search.on_answer(0, fails());
    search.on_answer(1, fails(Errc::invalid_option));
    EXPECT_EQ(search.state(), State::listening);
    search.on_answer(2, names(old_master));
    EXPECT_EQ(candidate_of(search), old_master);
}

TEST(MasterSearch, does_not_wait_for_one_that_failed_before_when_another_has_told) {
    MasterSearch search({Voice::awaited, Voice::doubtful, Voice::doubtful});
    search.on_answer(0, names(old_master));
    EXPECT_EQ(candidate_of(search), old_master);

    MasterSearch hopeful({Voice::awaited, Voice::doubtful, Voice::doubtful});
    hopeful.on_answer(0, fails());
    EXPECT_EQ(hopeful.state(), State::listening);
    hopeful.on_answer(2, names(old_master));
    EXPECT_EQ(candidate_of(hopeful), old_master);
}

TEST(MasterSearch, waits_for_the_one_that_had_news) {
    MasterSearch search({Voice::awaited, Voice::awaited, Voice::needed});
    search.on_answer(0, names(old_master, 1));
    search.on_answer(1, names(old_master, 1));
    EXPECT_EQ(search.state(), State::listening);
    search.on_answer(2, names(new_master, 2));
    EXPECT_EQ(candidate_of(search), new_master);

    MasterSearch in_vain({Voice::awaited, Voice::awaited, Voice::needed});
    in_vain.on_answer(0, names(old_master));
    in_vain.on_answer(1, names(old_master));
    in_vain.on_answer(2, fails());
    EXPECT_EQ(candidate_of(in_vain), old_master);
}

TEST(MasterSearch, believes_the_highest_epoch_not_the_most_voices) {
    MasterSearch search({Voice::needed, Voice::needed, Voice::needed});
    search.on_answer(0, names(old_master, 1));
    search.on_answer(1, names(new_master, 2));
    search.on_answer(2, names(old_master, 1));
    EXPECT_EQ(candidate_of(search), new_master);
}

TEST(MasterSearch, believes_the_most_voices_of_one_epoch) {
    MasterSearch search({Voice::needed, Voice::needed, Voice::needed});
    search.on_answer(0, names(old_master));
    search.on_answer(1, names(new_master));
    search.on_answer(2, names(new_master));
    EXPECT_EQ(candidate_of(search), new_master);
}

TEST(MasterSearch, tries_the_next_when_a_candidate_is_no_master) {
    MasterSearch search({Voice::needed, Voice::needed, Voice::needed});
    search.on_answer(0, names(old_master, 1));
    search.on_answer(1, names(new_master, 99));
    search.on_answer(2, fails());
    ASSERT_EQ(candidate_of(search), new_master);
    search.on_role(is_replica);
    EXPECT_EQ(candidate_of(search), old_master);
    search.on_role(is_replica);
    EXPECT_EQ(search.state(), State::not_found);
    EXPECT_EQ(search.failure().code(), Errc::read_only);
}

TEST(MasterSearch, does_not_go_back_to_an_old_master_because_the_new_one_is_out_of_reach) {
    MasterSearch search({Voice::needed, Voice::needed, Voice::needed});
    search.on_answer(0, names(old_master, 1));
    search.on_answer(1, names(new_master, 2));
    search.on_answer(2, fails());
    ASSERT_EQ(candidate_of(search), new_master);
    search.on_role(is_down);
    EXPECT_EQ(search.state(), State::not_found);
    EXPECT_TRUE(search.deposes(old_master));
    EXPECT_FALSE(search.deposes(new_master)) << "it may come back";
    EXPECT_EQ(search.failure().code(), Errc::connection_failed);
}

TEST(MasterSearch, is_not_led_astray_by_one_sentinel_against_most) {
    MasterSearch search({Voice::needed, Voice::needed, Voice::needed});
    search.on_answer(0, names(old_master, 1));
    search.on_answer(1, names({"10.66.66.66", 1}, UINT64_MAX));
    search.on_answer(2, names(old_master, 1));
    ASSERT_EQ(candidate_of(search), (NodeAddress{"10.66.66.66", 1}));
    search.on_role(is_down);
    EXPECT_EQ(candidate_of(search), old_master);
}

TEST(MasterSearch, hears_the_others_before_it_gives_up_for_one_out_of_reach) {
    const NodeAddress nowhere{"10.66.66.66", 1};
    auto search = of_three();
    search.on_answer(0, names(old_master, 1));
    search.on_answer(1, names(nowhere, 99));
    ASSERT_EQ(candidate_of(search), nowhere);
    search.on_role(is_down);
    EXPECT_EQ(search.state(), State::listening) << "the third may name the old one too";
    search.on_answer(2, names(old_master, 1));
    EXPECT_EQ(candidate_of(search), old_master);

    auto in_between = of_three();
    in_between.on_answer(0, names(old_master, 1));
    in_between.on_answer(1, names(nowhere, 99));
    in_between.on_answer(2, names(old_master, 1)); // while the one out of reach is being tried
    in_between.on_role(is_down);
    EXPECT_EQ(candidate_of(in_between), old_master);

    auto in_vain = of_three();
    in_vain.on_answer(0, names(old_master, 1));
    in_vain.on_answer(1, names(nowhere, 99));
    in_vain.on_role(is_down);
    in_vain.on_answer(2, fails());
    EXPECT_EQ(in_vain.state(), State::not_found);
}

TEST(MasterSearch, keeps_a_master_that_is_out_of_reach_and_drops_one_that_says_it_is_none) {
    auto down = of_three();
    down.on_answer(0, names(old_master));
    down.on_answer(1, names(old_master));
    down.on_role(is_down);
    EXPECT_EQ(down.state(), State::not_found);
    EXPECT_FALSE(down.deposes(old_master));

    auto demoted = of_three();
    demoted.on_answer(0, names(old_master));
    demoted.on_answer(1, names(old_master));
    demoted.on_role(is_replica);
    EXPECT_TRUE(demoted.deposes(old_master));
}

TEST(MasterSearch, keeps_the_master_when_no_sentinel_tells) {
    auto search = of_three();
    for (std::size_t i = 0; i < 3; ++i)
        search.on_answer(i, fails(Errc::timeout));
    EXPECT_NE(search.state(), State::listening);
    EXPECT_EQ(search.state(), State::not_found);
    EXPECT_FALSE(search.deposes(old_master));
}

TEST(MasterSearch, reports_what_tells_most_of_why) {
    auto search = of_three();
    search.on_answer(0, fails(Errc::invalid_option));
    search.on_answer(1, fails(Errc::permission_denied));
    search.on_answer(2, fails(Errc::connection_failed));
    EXPECT_EQ(search.failure().code(), Errc::invalid_option);
}

TEST(MasterSearch, hears_each_sentinel_once) {
    auto search = of_three();
    search.on_answer(0, names(old_master));
    search.on_answer(0, names(old_master));
    EXPECT_EQ(search.state(), State::listening);
    search.on_answer(1, names(old_master));
    search.on_answer(2, names(new_master, 9)); // too late
    EXPECT_EQ(candidate_of(search), old_master);
}

} // namespace
} // namespace tiercel::redis
