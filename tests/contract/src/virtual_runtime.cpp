#include <tiercel/testing/virtual_runtime.hpp>

#include <cstdio>
#include <cstdlib>

namespace tiercel::testing {
namespace {

/// Sets `value` for as long as it lives.
class Scoped {
public:
    Scoped(bool& variable, bool value) : variable_(variable), before_(std::exchange(variable, value)) {}
    Scoped(const Scoped&) = delete;
    Scoped& operator=(const Scoped&) = delete;
    ~Scoped() { variable_ = before_; }

private:
    bool& variable_;
    bool before_;
};

} // namespace

/// Meets what any_io_executor asks for; never runs a handler at once.
class VirtualRuntime::ChosenExecutor {
    using blocking_t = boost::asio::execution::blocking_t;

public:
    explicit ChosenExecutor(VirtualRuntime& runtime) noexcept : runtime_(&runtime) {}

    template <class Job>
    void execute(Job&& job) const {
        struct HandlerOf final : Handler {
            explicit HandlerOf(Job&& from) : job(std::forward<Job>(from)) {}
            void run() override {
                std::decay_t<Job> taken(std::move(job));
                taken();
            }
            std::decay_t<Job> job;
        };
        runtime_->handlers_.push_back(std::make_unique<HandlerOf>(std::forward<Job>(job)));
    }

    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return runtime_->loop_; }
    static constexpr blocking_t query(blocking_t) noexcept { return blocking_t::never; }
    ChosenExecutor require(blocking_t::never_t) const noexcept { return *this; }

    bool operator==(const ChosenExecutor& other) const noexcept { return runtime_ == other.runtime_; }
    bool operator!=(const ChosenExecutor& other) const noexcept { return !(*this == other); }

private:
    VirtualRuntime* runtime_;
};

VirtualRuntime::VirtualRuntime(std::uint64_t seed) : VirtualRuntime(Chooser(), seed) {}

VirtualRuntime::VirtualRuntime(Chooser chooser, std::uint64_t seed)
    : chooser_(std::move(chooser)), random_(seed), order_(~seed) {}

VirtualRuntime::~VirtualRuntime() = default;

boost::asio::any_io_executor VirtualRuntime::executor() {
    if (chooser_) return ChosenExecutor(*this);
    return loop_.get_executor();
}

void VirtualRuntime::drop_everything() {
    // What goes may post, set timers and cancel them.
    while (!timers_.empty() || !handlers_.empty() || !blocking_jobs_.empty()) {
        timer_by_id_.clear();
        const auto timers = std::exchange(timers_, {});
        const auto handlers = std::exchange(handlers_, {});
        const auto jobs = std::exchange(blocking_jobs_, {});
    }
}

VirtualRuntime::TimerId VirtualRuntime::call_at(SteadyTime when, std::function<void()> job) {
    const TimerId id = ++last_timer_;
    timer_by_id_.emplace(id, timers_.emplace(when, std::pair(id, std::move(job))));
    return id;
}

bool VirtualRuntime::cancel(TimerId timer) noexcept {
    const auto found = timer_by_id_.find(timer);
    if (found == timer_by_id_.end()) return false;
    timers_.erase(found->second);
    timer_by_id_.erase(found);
    return true;
}

Result<void> VirtualRuntime::run_blocking(std::function<void()> job) {
    blocking_jobs_.push_back(std::move(job));
    return {};
}

bool VirtualRuntime::wait(const spi::WaitFlag& flag, SteadyTime deadline) {
    while (!flag.is_set()) {
        if (turn()) continue;
        const auto next = timers_.empty() ? SteadyTime::max() : timers_.begin()->first;
        if (deadline < next) {
            if (deadline > now()) clock_.advance(deadline - now());
            return false;
        }
        if (timers_.empty()) {
            std::fputs("VirtualRuntime::wait: nothing is left to do, the flag would never be set\n", stderr);
            std::abort();
        }
        clock_.advance(next - now());
    }
    return true;
}

void VirtualRuntime::run_until_idle() {
    while (turn()) {
    }
}

void VirtualRuntime::advance(std::chrono::nanoseconds by) {
    const SteadyTime target = now() + by;
    run_until_idle();
    while (!timers_.empty() && timers_.begin()->first <= target) {
        clock_.advance(timers_.begin()->first - now());
        run_until_idle();
    }
    // A job that waited may have moved the clock beyond the target.
    if (now() < target) clock_.advance(target - now());
}

bool VirtualRuntime::turn() {
    if (chooser_) return turn_by_choice();
    const auto any_job = [this] { return static_cast<std::size_t>(order_() % blocking_jobs_.size()); };
    if (!blocking_jobs_.empty() && order_() % 2 == 0) {
        run_blocking_job(any_job());
        return true;
    }
    if (turn_event_loop() || run_due_timer()) return true;
    if (blocking_jobs_.empty()) return false;
    run_blocking_job(any_job());
    return true;
}

bool VirtualRuntime::turn_by_choice() {
    std::size_t due = 0;
    for (auto timer = timers_.begin(); timer != timers_.end() && timer->first <= now(); ++timer)
        ++due;
    const auto count = handlers_.size() + due + blocking_jobs_.size();
    if (count == 0) return false;
    std::size_t chosen = count == 1 ? 0 : chooser_(count);
    if (chosen < handlers_.size()) {
        const auto at = handlers_.begin() + static_cast<std::ptrdiff_t>(chosen);
        const auto handler = std::move(*at);
        handlers_.erase(at);
        const Scoped here(on_event_loop_, true);
        handler->run();
        return true;
    }
    chosen -= handlers_.size();
    if (chosen < due) {
        run_timer(std::next(timers_.begin(), static_cast<std::ptrdiff_t>(chosen)));
    } else {
        run_blocking_job(chosen - due);
    }
    return true;
}

bool VirtualRuntime::turn_event_loop() {
    const Scoped here(on_event_loop_, true);
    return loop_.poll_one() != 0;
}

bool VirtualRuntime::run_due_timer() {
    if (timers_.empty() || timers_.begin()->first > now()) return false;
    run_timer(timers_.begin());
    return true;
}

void VirtualRuntime::run_timer(Timers::iterator timer) {
    const auto [id, job] = std::move(timer->second);
    timers_.erase(timer);
    timer_by_id_.erase(id);
    const Scoped here(on_event_loop_, true);
    job();
}

void VirtualRuntime::run_blocking_job(std::size_t index) {
    const auto chosen = blocking_jobs_.begin() + static_cast<std::ptrdiff_t>(index);
    const auto job = std::move(*chosen);
    blocking_jobs_.erase(chosen);
    const Scoped elsewhere(on_event_loop_, false);
    job();
}

} // namespace tiercel::testing
