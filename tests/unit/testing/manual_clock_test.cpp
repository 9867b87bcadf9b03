#include <tiercel/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tiercel::testing {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, stands_still) {
    const ManualClock clock;
    const auto now = clock.now();
    const auto wall = clock.wall_now();
    EXPECT_EQ(clock.now(), now);
    EXPECT_EQ(clock.wall_now(), wall);
}

TEST(ManualClock, moves_both_times_by_what_it_is_told) {
    ManualClock clock;
    const auto now = clock.now();
    const auto wall = clock.wall_now();
    clock.advance(90s);
    EXPECT_EQ(clock.now() - now, 90s);
    EXPECT_EQ(clock.wall_now() - wall, 90s);
}

TEST(ManualClock, loses_no_step_of_several_threads) {
    ManualClock clock;
    const auto now = clock.now();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int step = 0; step < 1000; ++step)
                    clock.advance(1ms);
            });
    }
    EXPECT_EQ(clock.now() - now, 4s);
}

} // namespace
} // namespace tiercel::testing
