#include <tiercel/cache.hpp>
#include <tiercel/testing/virtual_runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <vector>

namespace tiercel {
namespace {

using namespace std::chrono_literals;

class PrimingRate : public ::testing::Test {
protected:
    std::shared_ptr<testing::VirtualRuntime> runtime_ = std::make_shared<testing::VirtualRuntime>();
    Cache<int, int> cache_ = make_cache();
    std::vector<int> keys_ = std::vector<int>(100);

    void SetUp() override { std::iota(keys_.begin(), keys_.end(), 0); }

    Cache<int, int> make_cache() {
        Cache<int, int>::Options options;
        options.name = "numbers";
        options.loader = [](const int& key) { return key; };
        options.runtime = runtime_;
        return Cache<int, int>::create(std::move(options)).value();
    }
};

TEST_F(PrimingRate, a_priming_that_waits_for_its_rate_goes_on_and_ends) {
    const auto report = cache_.prime(keys_, {.batch = 10, .rate_per_second = 100});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->end, PrimeReport::End::completed);
    EXPECT_EQ(report->counts.loaded, 100u);
}

TEST_F(PrimingRate, takes_no_more_keys_in_a_second_than_asked_for) {
    const auto report = cache_.prime(keys_, {.batch = 10, .rate_per_second = 100});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_GE(report->elapsed, 900ms); // the first batch goes at once
    EXPECT_LE(report->elapsed, 1100ms);
}

TEST_F(PrimingRate, the_deadline_ends_a_priming_that_waits_for_its_rate) {
    const auto report = cache_.prime(keys_, {.batch = 10, .rate_per_second = 1, .timeout = 25s});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->end, PrimeReport::End::timed_out);
    EXPECT_EQ(report->counts.loaded, 30u);
    EXPECT_EQ(report->elapsed, 25s);
}

TEST_F(PrimingRate, leaves_no_timer_behind) {
    const auto timers = runtime_->pending_timers();
    ASSERT_TRUE(cache_.prime(keys_, {.batch = 10, .rate_per_second = 1, .timeout = 25s}));
    EXPECT_EQ(runtime_->pending_timers(), timers);
}

TEST_F(PrimingRate, close_ends_a_priming_that_waits_for_its_rate) {
    runtime_->call_at(runtime_->now() + 10s, [this] { (void)cache_.close(); });
    const auto report = cache_.prime(keys_, {.batch = 10, .rate_per_second = 0.1});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->end, PrimeReport::End::closed);
    EXPECT_LE(report->elapsed, 11s);
}

} // namespace
} // namespace tiercel
