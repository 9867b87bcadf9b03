#pragma once

#include <tiercel/result.hpp>
#include <tiercel/runtime.hpp>
#include <tiercel/spi/clock.hpp>
#include <tiercel/spi/wait_flag.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace tiercel::spi {

class RunLoop;

/// Where core gets its time, timers, threads and chance from. One runtime may serve many caches and backends.
/// Thread safety: all members may be called concurrently.
/// Lifetime: held by shared_ptr by everything that uses it; jobs not yet run when it goes are dropped.
class Runtime : public Clock {
public:
    /// Names a timer; zero names none.
    using TimerId = std::uint64_t;

    /// The event loop: coroutines, timers and completions run here. Never block on it.
    virtual boost::asio::any_io_executor executor() = 0;

    /// A loop for a thread that is about to block, to run meanwhile what it waits for. Null: this thread's wait() sees
    /// to that otherwise, or it turns the event loop and must not block.
    virtual std::shared_ptr<RunLoop> lend_thread() { return nullptr; }
    /// Where a call should run what its caller waits for: in the loop that this thread lends, else on the event loop.
    virtual boost::asio::any_io_executor executor_here() { return executor(); }

    /// Uniform 64-bit random numbers, for jitter and sampling; not for secrets.
    virtual std::uint64_t random() noexcept = 0;

    /// Runs `job` once at `when` or soon after, unless cancelled before: on the event loop, or in the loop that this
    /// thread lends.
    virtual TimerId call_at(SteadyTime when, std::function<void()> job) = 0;

    /// True if the job will not run; false if it has run, is running, or was never known.
    virtual bool cancel(TimerId timer) noexcept = 0;

    /// Runs `job` on a thread that may block (a user's loader, a blocking client).
    /// Errors: overloaded when the bounded queue is full, closed when the runtime is stopping.
    virtual Result<void> run_blocking(std::function<void()> job) = 0;

    /// Blocks the calling thread until `flag` is set; false if it is not by `deadline`. A simulated runtime turns its
    /// own event loop meanwhile.
    virtual bool wait(const WaitFlag& flag, SteadyTime deadline) = 0;

    /// True on a thread that turns the event loop, where wait() would never return.
    virtual bool on_event_loop() const noexcept = 0;
};

/// The runtime that caches and backends share unless given one: one event-loop thread and up to 64 worker threads,
/// each started at first need, all stopped when the last user lets go.
std::shared_ptr<Runtime> default_runtime();

} // namespace tiercel::spi

namespace tiercel {

/// A runtime on an event loop that is yours to turn, such as an io_context's executor. Its worker threads are made as
/// in make_runtime(options); `event_loop_threads` is not used.
/// Lifetime: the executor must outlive the runtime. A blocking call needs another thread that turns the loop.
/// Errors: invalid_option.
Result<std::shared_ptr<spi::Runtime>> make_runtime(boost::asio::any_io_executor executor,
                                                   const RuntimeOptions& options = {});

} // namespace tiercel
