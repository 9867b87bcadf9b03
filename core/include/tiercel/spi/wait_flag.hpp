#pragma once

#include <tiercel/spi/clock.hpp>

#include <condition_variable>
#include <mutex>

namespace tiercel::spi {

/// A one-way switch that a blocked thread waits for.
/// Thread safety: all members may be called concurrently.
class WaitFlag {
public:
    void set() {
        const std::lock_guard lock(mutex_);
        set_ = true;
        changed_.notify_all(); // under the lock: the waiter may destroy the flag as soon as it is released
    }
    bool is_set() const {
        const std::lock_guard lock(mutex_);
        return set_;
    }
    /// False if it was not set by `deadline`; SteadyTime::max() waits for ever.
    bool wait_until(SteadyTime deadline) const {
        std::unique_lock lock(mutex_);
        const auto is_set = [this] { return set_; };
        if (deadline != SteadyTime::max()) return changed_.wait_until(lock, deadline, is_set);
        changed_.wait(lock, is_set);
        return true;
    }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    bool set_ = false;
};

} // namespace tiercel::spi
