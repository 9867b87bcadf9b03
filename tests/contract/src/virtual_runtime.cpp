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

VirtualRuntime::VirtualRuntime(std::uint64_t seed) : random_(seed), order_(~seed) {}

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
    if (!blocking_jobs_.empty() && order_() % 2 == 0) {
        run_blocking_job();
        return true;
    }
    if (turn_event_loop() || run_due_timer()) return true;
    if (blocking_jobs_.empty()) return false;
    run_blocking_job();
    return true;
}

bool VirtualRuntime::turn_event_loop() {
    const Scoped here(on_event_loop_, true);
    return loop_.poll_one() != 0;
}

bool VirtualRuntime::run_due_timer() {
    if (timers_.empty() || timers_.begin()->first > now()) return false;
    const auto [id, job] = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    timer_by_id_.erase(id);
    const Scoped here(on_event_loop_, true);
    job();
    return true;
}

void VirtualRuntime::run_blocking_job() {
    const auto chosen = blocking_jobs_.begin() + static_cast<std::ptrdiff_t>(order_() % blocking_jobs_.size());
    const auto job = std::move(*chosen);
    blocking_jobs_.erase(chosen);
    const Scoped elsewhere(on_event_loop_, false);
    job();
}

} // namespace tiercel::testing
