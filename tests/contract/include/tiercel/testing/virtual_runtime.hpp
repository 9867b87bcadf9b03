#pragma once

#include <tiercel/spi/runtime.hpp>
#include <tiercel/testing/manual_clock.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace tiercel::testing {

/// A runtime in one thread, on a clock that moves only when told, or when wait() has nothing else to do. Everything
/// that is ready runs in an order fixed by the seed: handlers of the event loop in turn, blocking jobs picked at random
/// between them. The same seed and the same calls give the same run.
/// Thread safety: none but that of the executor; create, turn and use it on one thread.
class VirtualRuntime final : public spi::Runtime {
public:
    explicit VirtualRuntime(std::uint64_t seed = 1);

    SteadyTime now() const noexcept override { return clock_.now(); }
    SystemTime wall_now() const noexcept override { return clock_.wall_now(); }
    boost::asio::any_io_executor executor() override { return loop_.get_executor(); }
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

private:
    using Timers = std::multimap<SteadyTime, std::pair<TimerId, std::function<void()>>>;

    /// Runs one thing that is ready; false if nothing is.
    bool turn();
    bool turn_event_loop();
    bool run_due_timer();
    void run_blocking_job();

    ManualClock clock_;
    std::mt19937_64 random_;
    std::mt19937_64 order_; // its own: how the run is ordered does not depend on how much chance core asks for
    boost::asio::io_context loop_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_ = make_work_guard(loop_);
    Timers timers_;
    std::map<TimerId, Timers::iterator> timer_by_id_;
    TimerId last_timer_ = 0;
    std::vector<std::function<void()>> blocking_jobs_;
    bool on_event_loop_ = false;
};

} // namespace tiercel::testing
