#pragma once

#include "worker_pool.hpp"

#include <tiercel/runtime.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>

namespace tiercel::runtime {

/// Real time and real threads over an Asio executor: an event loop of its own, or one the user turns.
///
/// The loop's threads share ownership of the loop, so that the runtime may be let go on one of them: that thread is
/// then detached and ends by itself, all others are joined.
class AsioRuntime final : public spi::Runtime {
public:
    explicit AsioRuntime(const RuntimeOptions& options);
    AsioRuntime(boost::asio::any_io_executor executor, const RuntimeOptions& options);
    ~AsioRuntime() override;

    SteadyTime now() const noexcept override;
    SteadyTime coarse_now() const noexcept override;
    SystemTime wall_now() const noexcept override;
    boost::asio::any_io_executor executor() override;
    std::shared_ptr<spi::RunLoop> lend_thread() override;
    boost::asio::any_io_executor executor_here() override;
    std::uint64_t random() noexcept override;
    TimerId call_at(SteadyTime when, std::function<void()> job) override;
    bool cancel(TimerId timer) noexcept override;
    Result<void> run_blocking(std::function<void()> job) override;
    bool wait(const spi::WaitFlag& flag, SteadyTime deadline) override;
    bool on_event_loop() const noexcept override;

private:
    class Loop;
    class Timers;

    const RuntimeOptions options_;
    std::shared_ptr<Loop> loop_; // null when the user turns the loop
    boost::asio::any_io_executor executor_;
    std::shared_ptr<Timers> timers_;
    std::shared_ptr<WorkerPool> workers_;
};

} // namespace tiercel::runtime
