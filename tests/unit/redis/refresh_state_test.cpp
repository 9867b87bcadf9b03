#include "refresh_state.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

using namespace std::chrono_literals;
using Beginning = RefreshState::Beginning;

const SteadyTime start = SteadyTime() + 1h;
const Error failure(Errc::connection_failed, "down");

TEST(RefreshState, lets_one_refresh_run_at_a_time) {
    RefreshState refresh(100ms, 1s);
    EXPECT_EQ(refresh.begin(start), Beginning::begun);
    EXPECT_EQ(refresh.begin(start), Beginning::running);
    EXPECT_EQ(refresh.begin_at_once(), Beginning::running);
}

TEST(RefreshState, waits_longer_after_each_failure) {
    RefreshState refresh(100ms, 1s);
    auto now = start;
    for (const auto delay : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        ASSERT_EQ(refresh.begin(now), Beginning::begun);
        refresh.failed(failure, now, 0);
        EXPECT_EQ(refresh.begin(now + delay - 1ms), Beginning::not_yet);
        now += delay;
    }
    EXPECT_EQ(refresh.failure()->code(), Errc::connection_failed);
}

TEST(RefreshState, waits_longer_after_each_refresh_that_changed_nothing) {
    RefreshState refresh(100ms, 1s);
    refresh.succeeded(true, start, 1min, 0);
    refresh.succeeded(false, start, 1min, 0);
    EXPECT_EQ(refresh.begin(start + 199ms), Beginning::not_yet);
    EXPECT_EQ(refresh.begin(start + 200ms), Beginning::begun);
    refresh.succeeded(true, start, 1min, 0);
    EXPECT_EQ(refresh.begin(start + 99ms), Beginning::not_yet) << "but not none";
    EXPECT_EQ(refresh.begin(start + 100ms), Beginning::begun) << "anew after a change";
}

TEST(RefreshState, can_be_hurried_through_the_back_off) {
    RefreshState refresh(1h, 1h);
    refresh.failed(failure, start, 0);
    EXPECT_EQ(refresh.begin(start), Beginning::not_yet);
    EXPECT_EQ(refresh.begin_at_once(), Beginning::begun);
}

TEST(RefreshState, moves_the_generation_with_each_change) {
    RefreshState refresh(100ms, 1s);
    const auto first = refresh.generation();
    refresh.succeeded(false, start, 1min, 0);
    refresh.failed(failure, start, 0);
    EXPECT_EQ(refresh.generation(), first);
    refresh.succeeded(true, start, 1min, 0);
    EXPECT_NE(refresh.generation(), first);
}

TEST(RefreshState, is_due_when_what_is_known_is_too_old) {
    RefreshState refresh(100ms, 1s);
    EXPECT_TRUE(refresh.is_due(start));
    refresh.succeeded(true, start, 1min, 0);
    EXPECT_FALSE(refresh.is_due(start + 59s));
    EXPECT_TRUE(refresh.is_due(start + 60s));
}

} // namespace
} // namespace tiercel::redis
