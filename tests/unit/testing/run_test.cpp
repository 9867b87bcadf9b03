#include <tiercel/testing/run.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace tiercel::testing {
namespace {

namespace asio = boost::asio;

asio::awaitable<std::unique_ptr<int>> give(int value) {
    co_return std::make_unique<int>(value);
}

asio::awaitable<int> fail() {
    throw std::runtime_error("as asked");
    co_return 0;
}

/// Waits for a completion that comes from another thread, which the caller's loop knows nothing of.
asio::awaitable<int> from_another_thread(std::jthread& thread) {
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(int)>(
        [&thread](auto handler) {
            thread = std::jthread([shared = std::make_shared<decltype(handler)>(std::move(handler))] {
                auto executor = asio::get_associated_executor(*shared);
                asio::post(executor, [shared] { (*shared)(7); });
            });
        },
        asio::use_awaitable);
}

TEST(Run, gives_the_result_even_if_it_can_only_be_moved) {
    EXPECT_EQ(*run(give(42)), 42);
}

TEST(Run, passes_an_exception_on) {
    EXPECT_THROW(run(fail()), std::runtime_error);
}

TEST(Run, waits_for_a_completion_from_another_thread) {
    std::jthread thread;
    EXPECT_EQ(run(from_another_thread(thread)), 7);
}

} // namespace
} // namespace tiercel::testing
