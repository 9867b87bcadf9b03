#include "binary_connections.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using tiercel::SteadyTime;
using tiercel::memcached::RetryGate;

const SteadyTime start{1000s};

TEST(RetryGate, lets_everybody_in_until_a_failure) {
    RetryGate gate(500ms);
    EXPECT_TRUE(gate.enter(start));
    EXPECT_TRUE(gate.enter(start));
    gate.failed(start);
    EXPECT_FALSE(gate.enter(start));
    EXPECT_FALSE(gate.enter(start + 499ms));
}

TEST(RetryGate, lets_one_in_after_each_interval) {
    RetryGate gate(500ms);
    gate.failed(start);
    EXPECT_TRUE(gate.enter(start + 500ms));
    EXPECT_FALSE(gate.enter(start + 500ms));
    EXPECT_FALSE(gate.enter(start + 999ms));
    EXPECT_TRUE(gate.enter(start + 1000ms));
}

TEST(RetryGate, is_closed_for_an_interval_from_the_last_failure) {
    RetryGate gate(500ms);
    gate.failed(start);
    EXPECT_TRUE(gate.enter(start + 500ms));
    gate.failed(start + 700ms);
    EXPECT_FALSE(gate.enter(start + 1199ms));
    EXPECT_TRUE(gate.enter(start + 1200ms));
}

TEST(RetryGate, opens_for_everybody_after_a_success) {
    RetryGate gate(500ms);
    gate.failed(start);
    EXPECT_TRUE(gate.enter(start + 500ms));
    gate.succeeded();
    EXPECT_TRUE(gate.enter(start + 500ms));
    EXPECT_TRUE(gate.enter(start + 501ms));
}

} // namespace
