#pragma once

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
    void wait() const {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return set_; });
    }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    bool set_ = false;
};

} // namespace tiercel::spi
