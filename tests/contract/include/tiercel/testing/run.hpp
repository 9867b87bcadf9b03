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

/// Runs `call` to its end on an event loop of its own in the calling thread, and gives its result, or its exception.
/// Aborts with a message when it has not ended within `bound`: such a call has hung, and cannot be taken back.
template <class T>
T run(boost::asio::awaitable<T> call, std::chrono::seconds bound = std::chrono::seconds(60)) {
    boost::asio::io_context loop(1);
    std::optional<T> result;
    std::exception_ptr failure;
    bool ended = false;
    boost::asio::co_spawn(
        loop, [&]() -> boost::asio::awaitable<void> { result.emplace(co_await std::move(call)); },
        [&](std::exception_ptr thrown) {
            failure = thrown;
            ended = true;
        });
    const auto keep = boost::asio::make_work_guard(loop);
    const auto end = std::chrono::steady_clock::now() + bound;
    while (!ended) {
        if (loop.run_one_until(end) == 0) {
            std::fputs("tiercel::testing::run: the call has hung\n", stderr);
            std::abort();
        }
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
}

} // namespace tiercel::testing
