#include "transport/backoff.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace tiercel::transport {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime start{1h};
constexpr std::uint64_t no_jitter = 0;

TEST(Backoff, allows_the_first_attempt) {
    EXPECT_TRUE(Backoff(50ms, 2s).allows(start));
}

TEST(Backoff, doubles_up_to_its_most) {
    Backoff backoff(50ms, 150ms);
    for (const auto wait : {50ms, 100ms, 150ms, 150ms}) {
        backoff.failed(start, no_jitter);
        EXPECT_FALSE(backoff.allows(start + wait - 1ns));
        EXPECT_TRUE(backoff.allows(start + wait));
    }
}

TEST(Backoff, takes_off_at_most_a_half) {
    for (std::uint64_t random : {std::uint64_t{1}, std::uint64_t{25'000'000}, std::uint64_t{123'456'789'012},
                                 std::numeric_limits<std::uint64_t>::max()}) {
        Backoff backoff(50ms, 2s);
        backoff.failed(start, random);
        EXPECT_FALSE(backoff.allows(start + 25ms - 1ns));
        EXPECT_TRUE(backoff.allows(start + 50ms));
    }
}

TEST(Backoff, begins_anew_after_a_success) {
    Backoff backoff(50ms, 2s);
    for (int i = 0; i < 5; ++i)
        backoff.failed(start, no_jitter);
    backoff.succeeded();
    EXPECT_TRUE(backoff.allows(start));
    backoff.failed(start, no_jitter);
    EXPECT_TRUE(backoff.allows(start + 50ms));
}

TEST(Backoff, does_not_overflow_with_an_enormous_most) {
    Backoff backoff(1ms, std::chrono::hours(24 * 365 * 100));
    for (int i = 0; i < 100; ++i)
        backoff.failed(start, no_jitter);
    EXPECT_FALSE(backoff.allows(start + 24h));
}

} // namespace
} // namespace tiercel::transport
