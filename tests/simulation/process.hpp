#pragma once

#include "link.hpp"
#include "source_of_truth.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/testing/virtual_runtime.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace tiercel::simulation {

/// The run's runtime as one process sees it: the same events, a wall clock of its own.
class ProcessRuntime final : public spi::Runtime {
public:
    explicit ProcessRuntime(std::shared_ptr<testing::VirtualRuntime> shared) : shared_(std::move(shared)) {}

    SteadyTime now() const noexcept override { return shared_->now(); }
    SystemTime wall_now() const noexcept override {
        return shared_->wall_now() + std::chrono::floor<std::chrono::microseconds>(offset_);
    }
    boost::asio::any_io_executor executor() override { return shared_->executor(); }
    std::uint64_t random() noexcept override { return shared_->random(); }
    TimerId call_at(SteadyTime when, std::function<void()> job) override {
        return shared_->call_at(when, std::move(job));
    }
    bool cancel(TimerId timer) noexcept override { return shared_->cancel(timer); }
    Result<void> run_blocking(std::function<void()> job) override { return shared_->run_blocking(std::move(job)); }
    bool wait(const spi::WaitFlag& flag, SteadyTime deadline) override { return shared_->wait(flag, deadline); }
    bool on_event_loop() const noexcept override { return shared_->on_event_loop(); }

    /// Sets the wall clock: it jumps.
    void set_clock_offset(nanoseconds offset) noexcept { offset_ = offset; }

private:
    const std::shared_ptr<testing::VirtualRuntime> shared_;
    nanoseconds offset_{};
};

/// What all processes of a run share.
struct Surroundings {
    std::shared_ptr<testing::VirtualRuntime> runtime;
    Recorder& recorder;
    const Settings& settings;
    SourceOfTruth& source;
};

/// One simulated process: a cache, its links, its clock; it may end and begin anew.
/// Lifetime: its surroundings and servers outlive it. Thread safety: none; the run has one thread.
class Process {
public:
    using TheCache = Cache<Text, Value>;

    /// `servers`: of its tiers, from the nearest on.
    Process(const Surroundings& surroundings, std::uint32_t number, std::vector<Server*> servers, std::uint64_t seed);

    /// Begins a life.
    void begin();
    const TheCache& cache() const noexcept { return *cache_; }
    std::size_t life() const noexcept { return life_; }
    std::uint32_t number() const noexcept { return number_; }

    /// Closes the cache in the background and begins another life once it has ended.
    void restart();
    /// Destroys the cache at once, whatever is under way, and begins another life.
    void crash();
    /// Closes the last life's cache.
    void end();
    bool is_ending() const noexcept { return ending_; }

    void cut(bool is_cut);
    void set_clock_offset(nanoseconds offset) { runtime_->set_clock_offset(offset); }
    void settle_down();
    /// Writes down how it is after everything has been well for long.
    void take_down_health();

private:
    void close_then(std::function<void()> next);
    void take_down_counts();

    const Surroundings surroundings_;
    const std::uint32_t number_;
    const std::vector<Server*> servers_;
    Dice dice_;
    const std::shared_ptr<ProcessRuntime> runtime_;
    std::vector<std::shared_ptr<Link>> links_;
    std::optional<TheCache> cache_;
    std::size_t life_ = 0;
    bool ending_ = false;
    bool settled_down_ = false;
};

} // namespace tiercel::simulation
