// The loop of a blocked thread: what runs on it, and what becomes of the rest.

#include <tiercel/runtime.hpp>
#include <tiercel/spi/run_loop.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using tiercel::SteadyTime;
using tiercel::spi::RunLoop;

constexpr auto bound = 20s;

SteadyTime soon() {
    return std::chrono::steady_clock::now() + bound;
}

/// An event loop with a thread of its own, for what a RunLoop gives back.
class Home {
public:
    Home() : work_(asio::make_work_guard(loop_)), thread_([this] { loop_.run(); }) {}
    ~Home() {
        work_.reset();
        thread_.join();
    }
    std::shared_ptr<RunLoop> lend() { return std::make_shared<RunLoop>(loop_.get_executor(), this); }
    bool is_here() { return std::this_thread::get_id() == thread_.get_id(); }

private:
    asio::io_context loop_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;
};

TEST(RunLoop, runs_its_jobs_in_order_on_the_thread_that_waits) {
    Home home;
    const auto loop = home.lend();
    const RunLoop::Lending lending(*loop);
    std::vector<int> order;
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 3; ++i) {
        asio::post(asio::any_io_executor(loop->executor()), [&, i] {
            order.push_back(i);
            EXPECT_EQ(std::this_thread::get_id(), here);
            if (i == 2) loop->finish();
        });
    }
    EXPECT_TRUE(order.empty());
    EXPECT_TRUE(loop->run_until(soon()));
    EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST(RunLoop, a_job_from_another_thread_wakes_the_sleeper) {
    Home home;
    const auto loop = home.lend();
    const RunLoop::Lending lending(*loop);
    const auto here = std::this_thread::get_id();
    std::thread other([&] {
        loop->post([&] {
            EXPECT_EQ(std::this_thread::get_id(), here);
            loop->finish();
        });
    });
    EXPECT_TRUE(loop->run_until(soon()));
    other.join();
}

TEST(RunLoop, after_the_end_it_runs_a_few_jobs_more_and_the_rest_at_home) {
    Home home;
    constexpr int many = 1'000;
    std::atomic<int> here = 0;
    std::atomic<int> at_home = 0;
    std::promise<void> all;
    std::promise<bool> late;
    const auto loop = home.lend();
    {
        const RunLoop::Lending lending(*loop);
        loop->post([&] {
            loop->finish();
            for (int i = 0; i < many; ++i) {
                loop->post([&] {
                    ++(home.is_here() ? at_home : here);
                    if (here + at_home == many) all.set_value();
                });
            }
        });
        EXPECT_TRUE(loop->run_until(soon()));
    }
    all.get_future().get();
    EXPECT_GT(here, 0);
    EXPECT_LT(here, many / 10);
    loop->post([&] { late.set_value(home.is_here()); });
    EXPECT_TRUE(late.get_future().get());
}

TEST(RunLoop, dispatch_from_a_job_runs_at_once_and_post_does_not) {
    Home home;
    const auto loop = home.lend();
    const RunLoop::Lending lending(*loop);
    const asio::any_io_executor executor = loop->executor();
    std::vector<int> order;
    asio::dispatch(executor, [&] { // no job yet: as post
        asio::post(executor, [&] {
            order.push_back(3);
            loop->finish();
        });
        asio::dispatch(executor, [&] { order.push_back(1); });
        order.push_back(2);
    });
    EXPECT_TRUE(order.empty());
    EXPECT_TRUE(loop->run_until(soon()));
    EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(RunLoop, the_deadline_ends_it) {
    Home home;
    const auto loop = home.lend();
    const RunLoop::Lending lending(*loop);
    EXPECT_FALSE(loop->run_until(std::chrono::steady_clock::now() + 1ms));
    EXPECT_FALSE(loop->is_lent());
}

TEST(RunLoop, a_wait_inside_a_job_gives_the_outer_loop_back) {
    Home home;
    const auto outer = home.lend();
    const RunLoop::Lending lending(*outer);
    std::promise<bool> ran_at_home;
    outer->post([&] {
        outer->post([&] { ran_at_home.set_value(home.is_here()); });
        const auto inner = home.lend();
        const RunLoop::Lending nested(*inner);
        // What the inner wait is for comes from a job of the outer loop.
        std::thread waiter([&ran_at_home, inner] {
            EXPECT_TRUE(ran_at_home.get_future().get());
            inner->finish();
        });
        EXPECT_TRUE(inner->run_until(soon()));
        waiter.join();
        outer->finish();
    });
    EXPECT_TRUE(outer->run_until(soon()));
    EXPECT_EQ(RunLoop::current(), nullptr);
}

TEST(RunLoop, the_outer_thread_waits_on_after_its_loop_was_given_back) {
    Home home;
    const auto outer = home.lend();
    const RunLoop::Lending lending(*outer);
    outer->post([&] {
        const auto inner = home.lend();
        const RunLoop::Lending nested(*inner);
        inner->finish();
        EXPECT_TRUE(inner->run_until(soon()));
        outer->post([&] {
            EXPECT_TRUE(home.is_here());
            outer->finish();
        });
    });
    EXPECT_TRUE(outer->run_until(soon()));
}

TEST(RunLoop, timers_fire_on_the_thread_and_those_left_at_home) {
    Home home;
    const auto loop = home.lend();
    std::promise<bool> left;
    {
        const RunLoop::Lending lending(*loop);
        const auto here = std::this_thread::get_id();
        loop->call_at(std::chrono::steady_clock::now() + 5ms, 1, [&] {
            EXPECT_EQ(std::this_thread::get_id(), here);
            loop->finish();
        });
        loop->call_at(std::chrono::steady_clock::now() + 100ms, 2, [&] { left.set_value(home.is_here()); });
        EXPECT_TRUE(loop->run_until(soon()));
    }
    EXPECT_TRUE(left.get_future().get());
}

TEST(RunLoop, a_cancelled_timer_goes_nowhere) {
    Home home;
    const auto loop = home.lend();
    std::promise<void> later;
    const auto now = std::chrono::steady_clock::now();
    {
        const RunLoop::Lending lending(*loop);
        loop->call_at(now + 1ms, 1, [] { ADD_FAILURE(); });
        loop->call_at(now + 20ms, 2, [] { ADD_FAILURE(); });
        loop->call_at(now + 5ms, 3, [&] { loop->finish(); });
        loop->call_at(now + 40ms, 4, [&] { later.set_value(); });
        EXPECT_TRUE(loop->cancel(1));
        EXPECT_FALSE(loop->cancel(1));
        EXPECT_TRUE(loop->cancel(2));
        EXPECT_TRUE(loop->run_until(soon()));
    }
    later.get_future().get();
}

TEST(RunLoop, a_coroutine_stays_on_the_thread_across_timers_of_the_event_loop) {
    Home home;
    const auto loop = home.lend();
    const RunLoop::Lending lending(*loop);
    const auto here = std::this_thread::get_id();
    auto work = [&]() -> asio::awaitable<void> {
        EXPECT_EQ(std::this_thread::get_id(), here);
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        co_await timer.async_wait(asio::use_awaitable);
        EXPECT_EQ(std::this_thread::get_id(), here);
        EXPECT_EQ(RunLoop::of(co_await asio::this_coro::executor), loop);
        loop->finish();
    };
    asio::co_spawn(asio::any_io_executor(loop->executor()), work(), asio::detached);
    EXPECT_TRUE(loop->run_until(soon()));
}

/// Waits until it is interrupted.
class ScriptedDriver final : public RunLoop::Driver {
public:
    SteadyTime drive(RunLoop& loop, SteadyTime until) override {
        std::unique_lock lock(mutex_);
        ++drives_;
        driving_.set_value();
        driving_ = {};
        while (!loop.has_work()) {
            if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
        }
        return SteadyTime::min();
    }
    void interrupt(const RunLoop&) noexcept override {
        // As an eventfd would: no lock that drive() holds while it asks the loop.
        ++interrupts_;
        changed_.notify_all();
    }
    void left(RunLoop&) noexcept override { ++left_; }

    std::future<void> driving() { return driving_.get_future(); }
    std::atomic<int> drives_{0}, interrupts_{0}, left_{0};

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::promise<void> driving_;
};

TEST(RunLoop, drives_instead_of_sleeping_and_is_interrupted_by_a_job) {
    Home home;
    const auto loop = home.lend();
    const auto driver = std::make_shared<ScriptedDriver>();
    {
        const RunLoop::Lending lending(*loop);
        EXPECT_TRUE(loop->begin_driving(driver));
        auto driving = driver->driving();
        std::thread other([&] {
            driving.wait();
            std::atomic<bool> over = false;
            loop->post([&] {
                over = true;
                loop->finish();
            });
            // A condition variable without its lock may miss what an eventfd would keep.
            while (!over)
                driver->interrupt(*loop);
        });
        EXPECT_TRUE(loop->run_until(soon()));
        other.join();
        EXPECT_GE(driver->drives_, 1);
    }
    EXPECT_GE(driver->interrupts_, 1);
    EXPECT_EQ(driver->left_, 1);
}

TEST(RunLoop, a_thread_of_the_event_loop_lends_nothing) {
    auto runtime = tiercel::make_runtime(tiercel::RuntimeOptions{}).value();
    std::promise<bool> nothing;
    asio::post(runtime->executor(), [&] { nothing.set_value(runtime->lend_thread() == nullptr); });
    EXPECT_TRUE(nothing.get_future().get());
}

TEST(RunLoop, a_timer_of_the_runtime_set_while_lent_can_be_cancelled_after) {
    auto runtime = tiercel::make_runtime(tiercel::RuntimeOptions{}).value();
    tiercel::spi::Runtime::TimerId cancelled = 0;
    std::promise<void> fired;
    {
        const auto loop = runtime->lend_thread();
        const RunLoop::Lending lending(*loop);
        cancelled = runtime->call_at(std::chrono::steady_clock::now() + 20ms, [] { ADD_FAILURE(); });
        runtime->call_at(std::chrono::steady_clock::now() + 40ms, [&] { fired.set_value(); });
        loop->finish();
        EXPECT_TRUE(loop->run_until(soon()));
    }
    EXPECT_TRUE(runtime->cancel(cancelled));
    fired.get_future().get();
}

} // namespace
