#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

namespace tiercel::testing {

/// An event loop for as long as this lives, which goes back to a pool instead of being destroyed: who completed the
/// last call from another thread may not be done with it yet.
/// Thread safety: taking one may be done concurrently.
class PooledLoop {
public:
    PooledLoop();
    PooledLoop(const PooledLoop&) = delete;
    PooledLoop& operator=(const PooledLoop&) = delete;
    /// Call with nothing left to run on it.
    ~PooledLoop();

    boost::asio::io_context& operator*() const noexcept { return *loop_; }
    boost::asio::io_context* operator->() const noexcept { return loop_; }

private:
    boost::asio::io_context* loop_;
};

/// Runs `call` to its end on an event loop of its own in the calling thread, and gives its result, or its exception.
/// Aborts with a message when it has not ended within `bound`: such a call has hung, and cannot be taken back.
template <class T>
T run(boost::asio::awaitable<T> call, std::chrono::seconds bound = std::chrono::seconds(60)) {
    const PooledLoop loop;
    std::optional<T> result;
    std::exception_ptr failure;
    bool ended = false;
    boost::asio::co_spawn(
        *loop, [&]() -> boost::asio::awaitable<void> { result.emplace(co_await std::move(call)); },
        [&](std::exception_ptr thrown) {
            failure = thrown;
            ended = true;
        });
    const auto keep = boost::asio::make_work_guard(*loop);
    const auto end = std::chrono::steady_clock::now() + bound;
    while (!ended) {
        if (loop->run_one_until(end) == 0) {
            if (std::chrono::steady_clock::now() < end) {
                loop->restart(); // stopped by the last release of an earlier call's work, which came late
                continue;
            }
            std::fputs("tiercel::testing::run: the call has hung\n", stderr);
            std::abort();
        }
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
}

} // namespace tiercel::testing
