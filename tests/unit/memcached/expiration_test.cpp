#include "expiration.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <ostream>

namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::milliseconds;

constexpr tiercel::SystemTime now{std::chrono::microseconds(1'700'000'000'000'000)};
constexpr std::time_t now_seconds = 1'700'000'000;
constexpr std::time_t end_of_time = 2'147'483'647;

struct Case {
    const char* name;
    std::optional<milliseconds> ttl;
    std::time_t told;
};
std::ostream& operator<<(std::ostream& out, const Case& of) {
    return out << of.name;
}

class Expiration : public testing::TestWithParam<Case> {};

TEST_P(Expiration, is_what_keeps_the_item_for_its_ttl) {
    EXPECT_EQ(tiercel::memcached::expiration(GetParam().ttl, now), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Expiration,
    testing::Values(Case{"no ttl never expires", std::nullopt, 0}, //
                    Case{"a millisecond is not zero", 1ms, 2},     //
                    Case{"a second has a second to spare", 1000ms, 2},
                    Case{"a fraction counts as a second", 1001ms, 3}, //
                    Case{"an hour", 1h, 3601}, Case{"the longest relative life", days(30) - 1s, 2'592'000},
                    Case{"a millisecond more is a moment", days(30) - 1s + 1ms, now_seconds + 2'592'001},
                    Case{"thirty days", days(30), now_seconds + 2'592'001},
                    Case{"a year", days(365), now_seconds + 365 * 86'400 + 1},
                    Case{"a hundred years end with 32-bit time", days(36'525), end_of_time},
                    Case{"the longest there is", milliseconds::max(), end_of_time}));

TEST(ExpirationMoment, is_rounded_up) {
    EXPECT_EQ(tiercel::memcached::expiration(days(60), now + 1us), now_seconds + 60 * 86'400 + 2);
}

} // namespace
