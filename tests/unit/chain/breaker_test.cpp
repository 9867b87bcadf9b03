#include "chain/breaker.hpp"

#include <tiercel/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace tiercel::chain {
namespace {

using namespace std::chrono_literals;

class BreakerTest : public ::testing::Test {
protected:
    static constexpr Breaker::Rules rules{3, 50ms, 100ms, 400ms};
    static constexpr std::uint64_t no_jitter = 0;

    bool fail(std::uint64_t random = no_jitter) {
        return breaker.failed(breaker.admit().value(), clock.now(), random).has_value();
    }
    void answer() { breaker.answered(breaker.admit().value(), clock.now()); }
    void open() {
        while (!fail()) {
        }
    }
    /// Lets the back-off pass and a probe fail; how long the next wait is.
    std::chrono::nanoseconds probe_in_vain(std::uint64_t random = no_jitter) {
        clock.advance(1h);
        EXPECT_TRUE(breaker.begin_probe(clock.now()));
        return *breaker.end_probe(false, clock.now(), random).due - clock.now();
    }

    testing::ManualClock clock;
    Breaker breaker{rules};
};

TEST_F(BreakerTest, opens_at_the_last_of_that_many_failures_in_a_row_and_only_then) {
    EXPECT_FALSE(fail());
    EXPECT_FALSE(fail());
    EXPECT_TRUE(breaker.is_closed());
    EXPECT_TRUE(fail());
    EXPECT_EQ(breaker.state(), BreakerState::open);
    EXPECT_FALSE(breaker.admit());
    EXPECT_EQ(breaker.counts().opened, 1U);
}

TEST_F(BreakerTest, an_answer_in_between_begins_the_count_anew) {
    fail();
    fail();
    answer();
    clock.advance(1s);
    EXPECT_FALSE(fail());
    EXPECT_FALSE(fail());
    EXPECT_TRUE(fail());
}

TEST_F(BreakerTest, a_tier_that_still_answers_somebody_stays_in_use_however_many_fail) {
    for (int i = 0; i < 100; ++i) {
        answer(); // one node of a cluster
        for (int down = 0; down < 10; ++down)
            EXPECT_FALSE(fail()) << "another one";
        clock.advance(49ms);
    }
    answer();
    for (int down = 0; down < 10; ++down)
        fail();
    clock.advance(50ms);
    EXPECT_TRUE(fail()) << "nobody has answered for as long as the timeout";
}

TEST_F(BreakerTest, one_probe_at_a_time_and_none_before_the_back_off_is_over) {
    open();
    clock.advance(100ms - 1ns);
    EXPECT_FALSE(breaker.begin_probe(clock.now()));
    clock.advance(1ns);
    EXPECT_EQ(breaker.begin_probe(clock.now()), 1U);
    EXPECT_EQ(breaker.state(), BreakerState::half_open);
    EXPECT_FALSE(breaker.admit()) << "everybody else stays away";
    clock.advance(1h);
    EXPECT_FALSE(breaker.begin_probe(clock.now())) << "however long the one takes";
}

TEST_F(BreakerTest, a_probe_that_is_answered_closes_it_and_tells_how_long_it_took) {
    open();
    clock.advance(100ms);
    ASSERT_TRUE(breaker.begin_probe(clock.now()));
    clock.advance(5ms);
    const auto probed = breaker.end_probe(true, clock.now(), no_jitter);
    EXPECT_FALSE(probed.due);
    EXPECT_EQ(probed.probes, 1U);
    EXPECT_EQ(probed.open_for, 105ms);
    EXPECT_TRUE(breaker.is_closed());
}

TEST_F(BreakerTest, probes_that_fail_wait_longer_and_longer_up_to_the_bound) {
    open();
    EXPECT_EQ(probe_in_vain(), 200ms);
    EXPECT_EQ(probe_in_vain(), 400ms);
    EXPECT_EQ(probe_in_vain(), 400ms);
    EXPECT_EQ(breaker.counts().probes, 3U);
    EXPECT_EQ(breaker.counts().opened, 1U) << "it has been open all the time";
}

TEST_F(BreakerTest, a_wait_is_shortened_by_up_to_a_half_and_never_longer_than_the_bound) {
    open();
    std::mt19937_64 random(7);
    auto least = std::chrono::nanoseconds::max();
    auto most = std::chrono::nanoseconds::zero();
    probe_in_vain();
    for (int i = 0; i < 10'000; ++i) {
        const auto wait = probe_in_vain(random());
        least = std::min(least, wait);
        most = std::max(most, wait);
    }
    EXPECT_GE(least, 200ms);
    EXPECT_LE(least, 201ms);
    EXPECT_LE(most, 400ms);
    EXPECT_GE(most, 399ms);
}

TEST_F(BreakerTest, after_it_has_closed_the_first_wait_is_the_shortest_again) {
    open();
    probe_in_vain();
    clock.advance(1h);
    ASSERT_TRUE(breaker.begin_probe(clock.now()));
    breaker.end_probe(true, clock.now(), no_jitter);
    clock.advance(50ms);
    fail();
    fail();
    const auto due = breaker.failed(breaker.admit().value(), clock.now(), no_jitter);
    ASSERT_TRUE(due);
    EXPECT_EQ(*due - clock.now(), 100ms);
}

TEST_F(BreakerTest, what_comes_late_of_calls_before_it_opened_counts_for_nothing) {
    const auto before = breaker.admit().value();
    open();
    EXPECT_FALSE(breaker.failed(before, clock.now(), no_jitter)) << "open already";
    breaker.answered(before, clock.now());
    EXPECT_EQ(breaker.state(), BreakerState::open) << "a late answer is no probe";
    clock.advance(100ms);
    ASSERT_TRUE(breaker.begin_probe(clock.now()));
    breaker.end_probe(true, clock.now(), no_jitter);
    clock.advance(1s);
    for (int i = 0; i < 10; ++i)
        EXPECT_FALSE(breaker.failed(before, clock.now(), no_jitter)) << "they hung with the one that opened it";
    EXPECT_TRUE(breaker.is_closed());
}

TEST_F(BreakerTest, with_no_failures_given_it_never_opens) {
    Breaker off({0, 50ms, 100ms, 400ms});
    for (int i = 0; i < 1'000; ++i)
        EXPECT_FALSE(off.failed(off.admit().value(), clock.now(), no_jitter));
    EXPECT_TRUE(off.is_closed());
}

/// Threads that fail, answer and probe as they like. Of each opening one failure tells, of each open round one probe
/// begins, and no two probes are under way at once.
TEST(BreakerThreads, one_opens_it_and_one_probes_at_a_time) {
    Breaker breaker({4, 0ns, 1ns, 1ns});
    testing::ManualClock clock;
    std::atomic<int> probing{0};
    std::atomic<std::uint64_t> opened{0}, probes{0};
    std::atomic<bool> overlap{false};
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            std::mt19937_64 random(seed);
            for (int i = 0; i < 20'000; ++i) {
                if (const auto round = breaker.admit()) {
                    if (random() % 8 == 0) {
                        breaker.answered(*round, clock.now());
                    } else if (breaker.failed(*round, clock.now(), random())) {
                        ++opened;
                    }
                } else {
                    clock.advance(1ns);
                    if (!breaker.begin_probe(clock.now())) continue;
                    ++probes;
                    if (probing.fetch_add(1) != 0) overlap = true;
                    probing.fetch_sub(1);
                    breaker.end_probe(random() % 2 == 0, clock.now(), random());
                }
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_FALSE(overlap);
    EXPECT_EQ(breaker.counts().opened, opened);
    EXPECT_EQ(breaker.counts().probes, probes);
    EXPECT_GT(probes, opened / 2) << "the test would show nothing";
    EXPECT_GT(opened, 0U);
}

} // namespace
} // namespace tiercel::chain
