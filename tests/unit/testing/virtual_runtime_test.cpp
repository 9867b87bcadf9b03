#include <tiercel/testing/virtual_runtime.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tiercel::testing {
namespace {

using namespace std::chrono_literals;

TEST(VirtualRuntime, fires_timers_in_order_each_at_its_own_time) {
    VirtualRuntime runtime;
    const auto start = runtime.now();
    std::vector<std::chrono::nanoseconds> fired;
    for (const auto after : {30ms, 10ms, 20ms})
        runtime.call_at(start + after, [&] { fired.push_back(runtime.now() - start); });
    runtime.advance(25ms);
    EXPECT_EQ(fired, (std::vector<std::chrono::nanoseconds>{10ms, 20ms}));
    EXPECT_EQ(runtime.now() - start, 25ms);
    runtime.advance(5ms);
    EXPECT_EQ(fired.size(), 3U);
    EXPECT_EQ(runtime.pending_timers(), 0U);
}

TEST(VirtualRuntime, fires_a_timer_set_by_a_timer_within_the_same_advance) {
    VirtualRuntime runtime;
    const auto start = runtime.now();
    std::chrono::nanoseconds second{};
    runtime.call_at(start + 10ms,
                    [&] { runtime.call_at(runtime.now() + 10ms, [&] { second = runtime.now() - start; }); });
    runtime.advance(1s);
    EXPECT_EQ(second, 20ms);
}

TEST(VirtualRuntime, timers_of_one_moment_fire_in_the_order_they_were_set) {
    VirtualRuntime runtime;
    std::string order;
    for (const char name : {'a', 'b', 'c'})
        runtime.call_at(runtime.now() + 1ms, [&order, name] { order += name; });
    runtime.advance(1ms);
    EXPECT_EQ(order, "abc");
}

TEST(VirtualRuntime, a_timer_in_the_past_fires_without_the_clock_moving) {
    VirtualRuntime runtime;
    const auto start = runtime.now();
    bool fired = false;
    runtime.call_at(start - 1h, [&] { fired = true; });
    runtime.run_until_idle();
    EXPECT_TRUE(fired);
    EXPECT_EQ(runtime.now(), start);
}

TEST(VirtualRuntime, a_cancelled_timer_does_not_fire) {
    VirtualRuntime runtime;
    bool fired = false;
    const auto timer = runtime.call_at(runtime.now() + 1ms, [&] { fired = true; });
    EXPECT_TRUE(runtime.cancel(timer));
    EXPECT_FALSE(runtime.cancel(timer));
    runtime.advance(1s);
    EXPECT_FALSE(fired);
}

TEST(VirtualRuntime, a_fired_timer_cannot_be_cancelled) {
    VirtualRuntime runtime;
    const auto timer = runtime.call_at(runtime.now(), [] {});
    runtime.run_until_idle();
    EXPECT_FALSE(runtime.cancel(timer));
    EXPECT_FALSE(runtime.cancel(0));
}

TEST(VirtualRuntime, tells_the_event_loop_from_a_blocking_job) {
    VirtualRuntime runtime;
    EXPECT_FALSE(runtime.on_event_loop());
    bool in_handler = false, in_timer = false, in_job = true;
    boost::asio::post(runtime.executor(), [&] { in_handler = runtime.on_event_loop(); });
    runtime.call_at(runtime.now(), [&] { in_timer = runtime.on_event_loop(); });
    ASSERT_TRUE(runtime.run_blocking([&] { in_job = runtime.on_event_loop(); }));
    runtime.run_until_idle();
    EXPECT_TRUE(in_handler);
    EXPECT_TRUE(in_timer);
    EXPECT_FALSE(in_job);
    EXPECT_FALSE(runtime.on_event_loop());
}

TEST(VirtualRuntime, wait_turns_the_loop_and_jumps_to_the_next_timer) {
    VirtualRuntime runtime;
    const auto start = runtime.now();
    spi::WaitFlag flag;
    runtime.call_at(start + 24h, [&] { boost::asio::post(runtime.executor(), [&] { flag.set(); }); });
    runtime.wait(flag);
    EXPECT_EQ(runtime.now() - start, 24h);
}

TEST(VirtualRuntime, wait_does_not_move_the_clock_while_something_is_ready) {
    VirtualRuntime runtime;
    const auto start = runtime.now();
    spi::WaitFlag flag;
    runtime.call_at(start + 1h, [] { ADD_FAILURE() << "fired"; });
    ASSERT_TRUE(runtime.run_blocking([&] { boost::asio::post(runtime.executor(), [&] { flag.set(); }); }));
    runtime.wait(flag);
    EXPECT_EQ(runtime.now(), start);
}

TEST(VirtualRuntime, a_blocking_job_may_wait_for_what_the_loop_does) {
    VirtualRuntime runtime;
    spi::WaitFlag inner, outer;
    ASSERT_TRUE(runtime.run_blocking([&] {
        runtime.call_at(runtime.now() + 5ms, [&] { inner.set(); });
        runtime.wait(inner);
        outer.set();
    }));
    runtime.wait(outer);
    EXPECT_TRUE(inner.is_set());
}

TEST(VirtualRuntimeDeathTest, a_wait_that_could_never_end_aborts) {
    EXPECT_DEATH(
        {
            VirtualRuntime runtime;
            const spi::WaitFlag flag;
            runtime.wait(flag);
        },
        "nothing is left to do");
}

std::string order_of_jobs(std::uint64_t seed) {
    VirtualRuntime runtime(seed);
    std::string order;
    for (const char name : {'a', 'b', 'c', 'd', 'e', 'f'})
        EXPECT_TRUE(runtime.run_blocking([&order, name] { order += name; }));
    runtime.run_until_idle();
    return order + std::to_string(runtime.random());
}

TEST(VirtualRuntime, one_seed_gives_one_run) {
    EXPECT_EQ(order_of_jobs(1), order_of_jobs(1));
    EXPECT_NE(order_of_jobs(1), order_of_jobs(2));
}

TEST(VirtualRuntime, a_chooser_picks_among_handlers_due_timers_and_jobs) {
    std::vector<std::size_t> counts;
    VirtualRuntime runtime([&](std::size_t count) {
        counts.push_back(count);
        return count - 1;
    });
    std::string order;
    boost::asio::post(runtime.executor(), [&] { order += 'a'; });
    boost::asio::post(runtime.executor(), [&] { order += 'b'; });
    runtime.call_at(runtime.now(), [&] { order += 't'; });
    runtime.call_at(runtime.now() + 1ms, [&] { order += 'l'; });
    ASSERT_TRUE(runtime.run_blocking([&] {
        EXPECT_FALSE(runtime.on_event_loop());
        order += 'j';
    }));
    runtime.run_until_idle();
    EXPECT_EQ(order, "jtba");
    EXPECT_EQ(counts, (std::vector<std::size_t>{4, 3, 2}));
    EXPECT_EQ(runtime.next_timer(), runtime.now() + 1ms);
}

TEST(VirtualRuntime, coroutines_run_under_a_chooser) {
    VirtualRuntime runtime([](std::size_t count) { return count - 1; });
    std::string order;
    for (const char name : {'a', 'b'}) {
        boost::asio::co_spawn(
            runtime.executor(),
            [](std::string& out, char c) -> boost::asio::awaitable<void> {
                out += c;
                co_await boost::asio::post(co_await boost::asio::this_coro::executor, boost::asio::use_awaitable);
                out += c;
            }(order, name),
            boost::asio::detached);
    }
    runtime.run_until_idle();
    EXPECT_EQ(order, "bbaa");
}

TEST(VirtualRuntime, what_is_dropped_may_set_timers_and_post) {
    VirtualRuntime runtime([](std::size_t) { return std::size_t{0}; });
    struct Goes {
        explicit Goes(VirtualRuntime& its) : runtime(its) {}
        ~Goes() {
            runtime.call_at(runtime.now(), [] {});
            boost::asio::post(runtime.executor(), [] {});
        }
        VirtualRuntime& runtime;
    };
    runtime.call_at(runtime.now() + 1h, [kept = std::make_shared<Goes>(runtime)] {});
    runtime.drop_everything();
    EXPECT_EQ(runtime.pending_timers(), 0U);
}

TEST(VirtualRuntime, what_is_left_when_it_goes_is_dropped) {
    bool ran = false;
    {
        VirtualRuntime runtime;
        runtime.call_at(runtime.now(), [&] { ran = true; });
        boost::asio::post(runtime.executor(), [&] { ran = true; });
        ASSERT_TRUE(runtime.run_blocking([&] { ran = true; }));
    }
    EXPECT_FALSE(ran);
}

} // namespace
} // namespace tiercel::testing
