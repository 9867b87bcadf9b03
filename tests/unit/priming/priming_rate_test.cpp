#include <tiercel/cache.hpp>
#include <tiercel/testing/virtual_runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ranges>

namespace tiercel {
namespace {

using namespace std::chrono_literals;

TEST(PrimingRate, a_priming_that_waits_for_its_rate_with_nothing_under_way_goes_on) {
    const auto runtime = std::make_shared<testing::VirtualRuntime>();
    auto cache = Cache<int, int>::create({.name = "numbers", .loader = [](int i) { return i; }, .runtime = runtime});
    ASSERT_TRUE(cache) << cache.error().message();
    const auto report = cache->prime(std::views::iota(0, 1'000), {.parallel = 2, .batch = 10, .rate_per_second = 20});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->end, PrimeReport::End::completed);
    EXPECT_EQ(report->counts.loaded, 1'000u);
    EXPECT_GE(report->elapsed, 49s);
    EXPECT_LE(report->elapsed, 51s);
}

TEST(PrimingRate, close_ends_a_priming_that_waits_for_its_rate) {
    const auto runtime = std::make_shared<testing::VirtualRuntime>();
    auto cache = Cache<int, int>::create({.name = "numbers", .loader = [](int i) { return i; }, .runtime = runtime});
    ASSERT_TRUE(cache) << cache.error().message();
    runtime->call_at(runtime->now() + 10s, [&] { (void)cache->close(); });
    const auto report = cache->prime(std::views::iota(0, 1'000), {.batch = 10, .rate_per_second = 0.1});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->end, PrimeReport::End::closed);
    EXPECT_LE(report->elapsed, 11s);
}

} // namespace
} // namespace tiercel
