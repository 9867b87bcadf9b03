#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

namespace tiercel::chain {

/// Counts the work under way, so that close() can wait for it, and stops new work from beginning.
///
/// States: open -> closing (begin() refuses) -> over (user code is not to be called any more).
/// Thread safety: all members may be called concurrently.
class Scope {
public:
    /// False once closing: the work must not begin.
    bool begin() {
        const std::lock_guard lock(mutex_);
        if (state_ != State::open) return false;
        ++count_;
        return true;
    }

    /// For a part of work that has begun and may outlive it.
    void extend() {
        const std::lock_guard lock(mutex_);
        ++count_;
    }

    void end() {
        std::function<void()> emptied;
        {
            const std::lock_guard lock(mutex_);
            if (--count_ == 0 && state_ == State::closing) emptied = std::exchange(on_empty_, nullptr);
        }
        if (emptied) emptied();
    }

    /// False if somebody closes already. `on_empty` is called once nothing is under way, perhaps at once.
    bool close(std::function<void()> on_empty) {
        {
            const std::lock_guard lock(mutex_);
            if (state_ != State::open) return false;
            state_ = State::closing;
            if (count_ != 0) {
                on_empty_ = std::move(on_empty);
                return true;
            }
        }
        on_empty();
        return true;
    }

    /// Gives up waiting; how much was still under way.
    std::size_t finish() {
        std::function<void()> dropped;
        const std::lock_guard lock(mutex_);
        state_ = State::over;
        dropped = std::exchange(on_empty_, nullptr);
        return count_;
    }

    bool open() const {
        const std::lock_guard lock(mutex_);
        return state_ == State::open;
    }
    bool over() const {
        const std::lock_guard lock(mutex_);
        return state_ == State::over;
    }

private:
    enum class State : unsigned char { open, closing, over };
    mutable std::mutex mutex_;
    State state_ = State::open;
    std::size_t count_ = 0;
    std::function<void()> on_empty_;
};

} // namespace tiercel::chain
