#include "transport/connection_limits.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace tiercel::transport {
namespace {

using namespace std::chrono_literals;

ConnectionLimits sound() {
    return {.connect_timeout = 1s,
            .max_silence = 2s,
            .reconnect_delay_min = 50ms,
            .reconnect_delay_max = 50ms,
            .max_pending_calls = 1,
            .max_pending_bytes = 1,
            .connections = 1};
}

TEST(ConnectionLimits, may_be_as_tight_as_they_have_a_meaning) {
    EXPECT_TRUE(check(sound(), "service::Options"));
}

struct BadLimit {
    const char* field;
    std::function<void(ConnectionLimits&)> spoil;
};

void PrintTo(const BadLimit& limit, std::ostream* out) {
    *out << limit.field;
}

class BadConnectionLimit : public ::testing::TestWithParam<BadLimit> {};

TEST_P(BadConnectionLimit, is_an_error_that_names_the_field) {
    auto limits = sound();
    GetParam().spoil(limits);
    const auto checked = check(limits, "service::Options");
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), Errc::invalid_option);
    EXPECT_TRUE(checked.error().message().starts_with(std::string("service::Options::") + GetParam().field + " is "))
        << checked.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadConnectionLimit,
    ::testing::Values(BadLimit{"connect_timeout", [](auto& l) { l.connect_timeout = 0ms; }},
                      BadLimit{"connect_timeout", [](auto& l) { l.connect_timeout = 25h; }},
                      BadLimit{"max_silence", [](auto& l) { l.max_silence = -1ms; }},
                      BadLimit{"max_silence", [](auto& l) { l.max_silence = 25h; }},
                      BadLimit{"reconnect_delay_min", [](auto& l) { l.reconnect_delay_min = 0ms; }},
                      BadLimit{"reconnect_delay_max", [](auto& l) { l.reconnect_delay_max = 49ms; }},
                      BadLimit{"reconnect_delay_max", [](auto& l) { l.reconnect_delay_max = 25h; }},
                      BadLimit{"connections", [](auto& l) { l.connections = 0; }},
                      BadLimit{"connections", [](auto& l) { l.connections = 65; }},
                      BadLimit{"max_pending_calls", [](auto& l) { l.max_pending_calls = 0; }}));

} // namespace
} // namespace tiercel::transport
