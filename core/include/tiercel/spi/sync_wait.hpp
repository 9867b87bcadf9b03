#pragma once

#include <tiercel/spi/run_loop.hpp>
#include <tiercel/spi/runtime.hpp>
#include <tiercel/spi/wait_flag.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tiercel::spi {

/// Blocks until `work` is done, and gives what it returned or rethrows what it threw: a backend without a cache, for a
/// caller that is no coroutine. The work runs on the calling thread, and so is as fast as a blocking client's.
/// Has no deadline of its own: the calls of backends return by theirs.
/// Throws std::logic_error on a thread that turns the runtime's event loop, where it would wait for itself; the work is
/// then not begun.
template <class T>
T sync_wait(Runtime& runtime, boost::asio::awaitable<T> work) {
    if (runtime.on_event_loop()) {
        throw std::logic_error("sync_wait on the event loop's own thread would wait for itself; co_await there");
    }
    struct Outcome {
        std::exception_ptr thrown;
        std::optional<T> value;
        WaitFlag flag;
    } outcome;
    const auto loop = runtime.lend_thread();
    auto done = [&outcome, lent = loop.get()](std::exception_ptr thrown, T value) {
        outcome.thrown = std::move(thrown);
        if (!outcome.thrown) outcome.value.emplace(std::move(value));
        if (lent) {
            lent->finish();
        } else {
            outcome.flag.set();
        }
    };
    if (loop) {
        const RunLoop::Lending lending(*loop);
        boost::asio::co_spawn(boost::asio::any_io_executor(loop->executor()), std::move(work), std::move(done));
        loop->run_until(SteadyTime::max());
    } else {
        boost::asio::co_spawn(runtime.executor(), std::move(work), std::move(done));
        runtime.wait(outcome.flag, SteadyTime::max());
    }
    if (outcome.thrown) std::rethrow_exception(outcome.thrown);
    return *std::move(outcome.value);
}

} // namespace tiercel::spi
