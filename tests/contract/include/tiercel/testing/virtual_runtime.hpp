#pragma once

#include <tiercel/spi/runtime.hpp>
#include <tiercel/testing/manual_clock.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace tiercel::testing {

/// A runtime in one thread, on a clock that moves only when told, or when wait() has nothing else to do. Everything
/// that is ready runs in an order fixed by the seed: handlers of the event loop in turn, blocking jobs picked at random
/// between them. The same seed and the same calls give the same run.
///
/// With a Chooser every order is possible: handlers of the event loop (as if several threads turned it), timers that
/// are due and blocking jobs all compete, and the chooser picks. The same choices give the same run.
/// Thread safety: none but that of the executor (and with a Chooser not even that); create, turn and use it on one
/// thread.
class VirtualRuntime final : public spi::Runtime {
public:
    /// Picks one of `count` ready things, by its index; `count` is at least 2. Handlers come first, the oldest at 0,
    /// then due timers, then blocking jobs.
    using Chooser = std::function<std::size_t(std::size_t count)>;

    explicit VirtualRuntime(std::uint64_t seed = 1);
    explicit VirtualRuntime(Chooser chooser, std::uint64_t seed = 1);
    ~VirtualRuntime() override;

    SteadyTime now() const noexcept override { return clock_.now(); }
    SystemTime wall_now() const noexcept override { return clock_.wall_now(); }
    boost::asio::any_io_executor executor() override;
    std::uint64_t random() noexcept override { return random_(); }
    TimerId call_at(SteadyTime when, std::function<void()> job) override;
    bool cancel(TimerId timer) noexcept override;
    Result<void> run_blocking(std::function<void()> job) override;
    /// Turns the loop; when nothing is ready, moves the clock to the next timer, or to the deadline. Aborts with a
    /// message when there is neither: the flag would never be set.
    bool wait(const spi::WaitFlag& flag, SteadyTime deadline = SteadyTime::max()) override;
    bool on_event_loop() const noexcept override { return on_event_loop_; }

    /// Runs what is ready, and what that makes ready, without moving the clock.
    void run_until_idle();
    /// Moves the clock by `by`, stopping at each timer on the way, and runs what becomes ready.
    void advance(std::chrono::nanoseconds by);

    std::size_t pending_timers() const noexcept { return timers_.size(); }
    /// When the next timer fires; the largest time if there is none.
    SteadyTime next_timer() const noexcept { return timers_.empty() ? SteadyTime::max() : timers_.begin()->first; }

    /// Lets go of everything that has not run, coroutines included: for the end of a run in which something hangs.
    void drop_everything();

private:
    /// A handler of the event loop, where a chooser picks among them.
    struct Handler {
        virtual ~Handler() = default;
        virtual void run() = 0;
    };
    class ChosenExecutor;
    using Timers = std::multimap<SteadyTime, std::pair<TimerId, std::function<void()>>>;

    /// Runs one thing that is ready; false if nothing is.
    bool turn();
    bool turn_by_choice();
    bool turn_event_loop();
    bool run_due_timer();
    void run_timer(Timers::iterator timer);
    void run_blocking_job(std::size_t index);

    const Chooser chooser_; ///< empty: by the seed
    ManualClock clock_;
    std::mt19937_64 random_;
    std::mt19937_64 order_; // its own: how the run is ordered does not depend on how much chance core asks for
    boost::asio::io_context loop_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_ = make_work_guard(loop_);
    Timers timers_;
    std::map<TimerId, Timers::iterator> timer_by_id_;
    TimerId last_timer_ = 0;
    std::vector<std::function<void()>> blocking_jobs_;
    std::vector<std::unique_ptr<Handler>> handlers_; ///< only with a chooser; else they are the loop's
    bool on_event_loop_ = false;
};

} // namespace tiercel::testing
