#include "liveness.hpp"

#include <gtest/gtest.h>

namespace tiercel::memcached {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t no_jitter = 0;

struct LivenessTest : ::testing::Test {
    SteadyTime now{1h};
    Liveness liveness{1s, 50ms, 200ms};

    void fail(Errc why) { liveness.failed(why, now, no_jitter); }
};

TEST_F(LivenessTest, ends_at_once_when_no_connection_can_be_made) {
    EXPECT_FALSE(liveness.is_dead());
    EXPECT_FALSE(liveness.may_probe(now));
    fail(Errc::connection_failed);
    EXPECT_TRUE(liveness.is_dead());
}

TEST_F(LivenessTest, outlasts_timeouts_and_losses_for_a_while) {
    fail(Errc::timeout);
    now += 999ms;
    fail(Errc::connection_lost);
    EXPECT_FALSE(liveness.is_dead());
    now += 1ms;
    fail(Errc::timeout);
    EXPECT_TRUE(liveness.is_dead());
}

TEST_F(LivenessTest, begins_anew_with_every_answer) {
    fail(Errc::timeout);
    now += 999ms;
    liveness.answered();
    now += 1ms;
    fail(Errc::timeout);
    now += 999ms;
    fail(Errc::timeout);
    EXPECT_FALSE(liveness.is_dead());
}

TEST_F(LivenessTest, is_asked_after_by_one_at_a_time_when_the_back_off_is_over) {
    fail(Errc::connection_failed);
    EXPECT_FALSE(liveness.may_probe(now + 49ms));
    now += 50ms;
    EXPECT_TRUE(liveness.may_probe(now));
    EXPECT_FALSE(liveness.may_probe(now + 1h)); // while that one is under way
    liveness.probed(false, now, no_jitter);
    EXPECT_TRUE(liveness.is_dead());
    EXPECT_FALSE(liveness.may_probe(now + 99ms));
    EXPECT_TRUE(liveness.may_probe(now + 100ms));
}

TEST_F(LivenessTest, comes_back_with_a_probe_that_is_answered_and_with_nothing_else) {
    fail(Errc::connection_failed);
    liveness.answered(); // a straggler
    EXPECT_TRUE(liveness.is_dead());
    now += 50ms;
    ASSERT_TRUE(liveness.may_probe(now));
    liveness.probed(true, now, no_jitter);
    EXPECT_FALSE(liveness.is_dead());
    fail(Errc::timeout);
    EXPECT_FALSE(liveness.is_dead()); // what was before counts no more
    fail(Errc::connection_failed);
    EXPECT_FALSE(liveness.may_probe(now + 49ms)); // the back-off has begun anew
    EXPECT_TRUE(liveness.may_probe(now + 50ms));
}

} // namespace
} // namespace tiercel::memcached
