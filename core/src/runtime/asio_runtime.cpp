#include "asio_runtime.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <time.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace tiercel::runtime {

namespace asio = boost::asio;

namespace {

thread_local const void* loop_of_this_thread = nullptr;

} // namespace

/// An io_context and the threads that turn it, started at first use.
class AsioRuntime::Loop : public std::enable_shared_from_this<Loop> {
public:
    explicit Loop(unsigned threads) : wanted_(threads), work_(context_.get_executor()) {}

    asio::any_io_executor executor() { return context_.get_executor(); }

    void start() {
        if (started_.load(std::memory_order_acquire)) return;
        const std::lock_guard lock(mutex_);
        if (started_.load(std::memory_order_relaxed)) return;
        for (unsigned i = 0; i < wanted_; ++i) {
            threads_.emplace_back([self = shared_from_this()] {
                loop_of_this_thread = self.get();
                self->context_.run();
            });
        }
        started_.store(true, std::memory_order_release);
    }

    void stop() {
        context_.stop();
        const std::lock_guard lock(mutex_);
        for (auto& thread : threads_) {
            if (thread.get_id() == std::this_thread::get_id()) {
                thread.detach();
            } else {
                thread.join();
            }
        }
        threads_.clear();
    }

private:
    const unsigned wanted_;
    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::atomic<bool> started_{false};
    std::mutex mutex_;
    std::vector<std::thread> threads_;
};

/// Timers by id. Whoever takes an id out of the map owns its job: the timer by firing, or the canceller.
class AsioRuntime::Timers : public std::enable_shared_from_this<Timers> {
public:
    TimerId call_at(const asio::any_io_executor& executor, SteadyTime when, std::function<void()> job) {
        const std::lock_guard lock(mutex_);
        const TimerId id = ++last_;
        const auto [place, inserted] = pending_.emplace(
            id, Pending{std::optional<asio::steady_timer>(std::in_place, executor, when), std::move(job)});
        place->second.timer->async_wait([weak = weak_from_this(), id](boost::system::error_code) {
            if (auto self = weak.lock()) self->fire(id);
        });
        return id;
    }

    /// A thread that waits watches the time itself: no timer of the event loop is set.
    TimerId call_at(spi::RunLoop& loop, SteadyTime when, std::function<void()> job) {
        const TimerId id = [&] {
            const std::lock_guard lock(mutex_);
            pending_.emplace(++last_, Pending{std::nullopt, std::move(job)});
            return last_;
        }();
        loop.call_at(when, id, [weak = weak_from_this(), id] {
            if (auto self = weak.lock()) self->fire(id);
        });
        return id;
    }

    bool cancel(TimerId id) {
        auto taken = take(id);
        return taken.has_value();
    }

    void clear() {
        decltype(pending_) dropped;
        const std::lock_guard lock(mutex_);
        dropped.swap(pending_);
    }

private:
    struct Pending {
        std::optional<asio::steady_timer> timer;
        std::function<void()> job;
    };

    std::optional<Pending> take(TimerId id) {
        const std::lock_guard lock(mutex_);
        const auto place = pending_.find(id);
        if (place == pending_.end()) return std::nullopt;
        std::optional<Pending> taken(std::move(place->second));
        pending_.erase(place);
        return taken;
    }

    void fire(TimerId id) {
        auto taken = take(id);
        if (taken) taken->job();
    }

    std::mutex mutex_;
    TimerId last_ = 0;
    boost::unordered_flat_map<TimerId, Pending> pending_;
};

AsioRuntime::AsioRuntime(const RuntimeOptions& options)
    : options_(options),
      loop_(std::make_shared<Loop>(options.event_loop_threads)),
      executor_(loop_->executor()),
      timers_(std::make_shared<Timers>()),
      workers_(std::make_shared<WorkerPool>(options.max_worker_threads, options.max_queued_jobs)) {}

AsioRuntime::AsioRuntime(asio::any_io_executor executor, const RuntimeOptions& options)
    : options_(options),
      executor_(std::move(executor)),
      timers_(std::make_shared<Timers>()),
      workers_(std::make_shared<WorkerPool>(options.max_worker_threads, options.max_queued_jobs)) {}

AsioRuntime::~AsioRuntime() {
    workers_->stop(options_.stop_timeout);
    if (loop_) loop_->stop();
    timers_->clear();
}

SteadyTime AsioRuntime::now() const noexcept {
    return std::chrono::steady_clock::now();
}

/// The time of the kernel's last tick, some milliseconds ago: Linux's steady_clock is CLOCK_MONOTONIC.
SteadyTime AsioRuntime::coarse_now() const noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
    timespec time{};
    if (::clock_gettime(CLOCK_MONOTONIC_COARSE, &time) == 0)
        return SteadyTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
#endif
    return now();
}

SystemTime AsioRuntime::wall_now() const noexcept {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

asio::any_io_executor AsioRuntime::executor() {
    if (loop_) loop_->start();
    return executor_;
}

std::uint64_t AsioRuntime::random() noexcept {
    thread_local std::mt19937_64 engine = [] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }();
    return engine();
}

std::shared_ptr<spi::RunLoop> AsioRuntime::lend_thread() {
    if (on_event_loop()) return nullptr;
    return std::make_shared<spi::RunLoop>(executor(), this);
}

asio::any_io_executor AsioRuntime::executor_here() {
    auto* const lent = spi::RunLoop::current();
    if (lent && lent->is_of(this) && lent->is_lent()) return lent->executor();
    return executor();
}

spi::Runtime::TimerId AsioRuntime::call_at(SteadyTime when, std::function<void()> job) {
    auto* const lent = spi::RunLoop::current();
    if (lent && lent->is_of(this) && lent->is_lent()) return timers_->call_at(*lent, when, std::move(job));
    return timers_->call_at(executor(), when, std::move(job));
}

bool AsioRuntime::cancel(TimerId timer) noexcept {
    // Elsewhere, one that is left over finds nothing to do.
    auto* const lent = spi::RunLoop::current();
    if (lent && lent->is_of(this)) lent->cancel(timer);
    return timers_->cancel(timer);
}

Result<void> AsioRuntime::run_blocking(std::function<void()> job) {
    return workers_->run(std::move(job));
}

bool AsioRuntime::wait(const spi::WaitFlag& flag, SteadyTime deadline) {
    return flag.wait_until(deadline);
}

bool AsioRuntime::on_event_loop() const noexcept {
    if (loop_) return loop_of_this_thread == loop_.get();
    if (const auto* io = executor_.target<asio::io_context::executor_type>()) return io->running_in_this_thread();
    return false;
}

} // namespace tiercel::runtime

namespace tiercel {

namespace {

std::optional<Error> check(const RuntimeOptions& options) {
    if (options.event_loop_threads == 0) {
        return Error(Errc::invalid_option, "RuntimeOptions::event_loop_threads is 0; give at least 1");
    }
    if (options.max_worker_threads == 0) {
        return Error(Errc::invalid_option, "RuntimeOptions::max_worker_threads is 0; give at least 1");
    }
    if (options.max_queued_jobs == 0) {
        return Error(Errc::invalid_option, "RuntimeOptions::max_queued_jobs is 0; give at least 1");
    }
    return std::nullopt;
}

} // namespace

Result<std::shared_ptr<spi::Runtime>> make_runtime(const RuntimeOptions& options) {
    if (auto wrong = check(options)) return *std::move(wrong);
    return std::shared_ptr<spi::Runtime>(std::make_shared<runtime::AsioRuntime>(options));
}

Result<std::shared_ptr<spi::Runtime>> make_runtime(boost::asio::any_io_executor executor,
                                                   const RuntimeOptions& options) {
    if (auto wrong = check(options)) return *std::move(wrong);
    return std::shared_ptr<spi::Runtime>(std::make_shared<runtime::AsioRuntime>(std::move(executor), options));
}

namespace spi {

std::shared_ptr<Runtime> default_runtime() {
    static std::mutex mutex;
    static std::weak_ptr<Runtime> shared;
    const std::lock_guard lock(mutex);
    auto runtime = shared.lock();
    if (!runtime) {
        runtime = std::make_shared<tiercel::runtime::AsioRuntime>(RuntimeOptions{});
        shared = runtime;
    }
    return runtime;
}

} // namespace spi
} // namespace tiercel
