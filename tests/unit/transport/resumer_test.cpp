#include "transport/resumer.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace tiercel::transport {
namespace {

namespace asio = boost::asio;

/// Begins coroutines that hand over what they wait with, and note their numbers when they go on.
class ResumerTest : public ::testing::Test {
protected:
    static constexpr int many = 200; // more than go on by one job

    SuspendedCoroutine suspended(int number) {
        asio::co_spawn(*context, wait(number), asio::detached);
        return taken();
    }
    SuspendedCoroutine one_that_ends_with_a_throw(int number) {
        asio::co_spawn(*context, wait(number), [](const std::exception_ptr&) { throw std::runtime_error("mine"); });
        return taken();
    }
    /// All wait before the first is to go on: to make one wait runs jobs.
    void resume_soon(int from, int end) {
        std::vector<SuspendedCoroutine> waiting;
        for (int n = from; n < end; ++n)
            waiting.push_back(suspended(n));
        for (auto& one : waiting)
            resumer->resume_soon(std::move(one));
    }
    std::vector<int> up_to(int end) const {
        std::vector<int> numbers;
        for (int n = 0; n < end; ++n)
            numbers.push_back(n);
        return numbers;
    }

    std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
    std::shared_ptr<Resumer> resumer = std::make_shared<Resumer>(context->get_executor());
    std::vector<int> resumed;
    std::shared_ptr<int> kept = std::make_shared<int>(0); // by the frames

    static asio::awaitable<void> wait_in(std::optional<SuspendedCoroutine>& place, std::function<void()> then) {
        auto hand_over = [&place](SuspendedCoroutine self) { place.emplace(std::move(self)); };
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(hand_over, asio::use_awaitable);
        then();
    }

private:
    asio::awaitable<void> wait(int number) {
        const auto held = kept;
        auto hand_over = [this](SuspendedCoroutine self) { last_.emplace(std::move(self)); };
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(hand_over, asio::use_awaitable);
        resumed.push_back(number);
    }
    SuspendedCoroutine taken() {
        while (!last_)
            context->run_one();
        auto coroutine = *std::move(last_);
        last_.reset();
        return coroutine;
    }

    std::optional<SuspendedCoroutine> last_;
};

TEST_F(ResumerTest, resumes_all_in_the_order_of_their_coming) {
    resume_soon(0, many);
    EXPECT_TRUE(resumed.empty());
    context->run();
    EXPECT_EQ(resumed, up_to(many));
}

TEST_F(ResumerTest, resumes_several_by_one_job_and_leaves_some_to_other_threads) {
    resume_soon(0, many);
    while (resumed.empty())
        context->run_one();
    EXPECT_GT(resumed.size(), 1U);
    EXPECT_LT(resumed.size(), static_cast<std::size_t>(many));
}

TEST_F(ResumerTest, resumes_who_comes_when_all_are_gone) {
    resume_soon(0, 1);
    context->run();
    context->restart();
    resume_soon(1, 2);
    context->run();
    EXPECT_EQ(resumed, up_to(2));
}

TEST_F(ResumerTest, resumes_the_others_although_the_end_of_one_throws) {
    auto thrower = one_that_ends_with_a_throw(0);
    std::vector<SuspendedCoroutine> others;
    for (int n = 1; n < many; ++n)
        others.push_back(suspended(n));
    resumer->resume_soon(std::move(thrower));
    for (auto& one : others)
        resumer->resume_soon(std::move(one));
    EXPECT_THROW(context->run(), std::runtime_error);
    context->run();
    EXPECT_EQ(resumed, up_to(many));
}

TEST_F(ResumerTest, resumes_each_once_when_threads_bring_them_and_threads_resume_them) {
    std::atomic<int> ended{0};
    std::vector<std::optional<SuspendedCoroutine>> waiting(1'000);
    for (auto& one : waiting)
        asio::co_spawn(*context, wait_in(one, [&ended] { ++ended; }), asio::detached);
    context->poll(); // suspended, they are the loop's work
    std::vector<std::jthread> threads;
    for (std::size_t n = 0; n < 2; ++n) {
        threads.emplace_back([this] { context->run(); });
        threads.emplace_back([&, n] {
            for (std::size_t i = n; i < waiting.size(); i += 2)
                resumer->resume_soon(*std::move(waiting[i]));
        });
    }
    threads.clear();
    EXPECT_EQ(ended, static_cast<int>(waiting.size()));
}

TEST_F(ResumerTest, one_that_blocks_keeps_no_other_from_another_thread) {
    std::promise<void> second_ran;
    auto told = second_ran.get_future();
    bool seen = false;
    std::vector<std::optional<SuspendedCoroutine>> waiting(2);
    const auto block = [&] { seen = told.wait_for(std::chrono::seconds(10)) == std::future_status::ready; };
    asio::co_spawn(*context, wait_in(waiting[0], block), asio::detached);
    asio::co_spawn(*context, wait_in(waiting[1], [&] { second_ran.set_value(); }), asio::detached);
    context->poll();
    for (auto& one : waiting)
        resumer->resume_soon(*std::move(one));
    std::vector<std::jthread> threads;
    for (int n = 0; n < 2; ++n)
        threads.emplace_back([this] { context->run(); });
    threads.clear();
    EXPECT_TRUE(seen);
}

TEST_F(ResumerTest, lets_them_go_with_an_executor_that_ends) {
    resume_soon(0, many);
    EXPECT_EQ(kept.use_count(), many + 1);
    context.reset();
    EXPECT_EQ(kept.use_count(), 1);
    EXPECT_TRUE(resumed.empty());
}

} // namespace
} // namespace tiercel::transport
