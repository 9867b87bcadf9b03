#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace tiercel::chain {

/// Counts the work under way, so that close() can wait for it, and stops new work from beginning.
///
/// States: open -> closing (begin() refuses) -> over (user code is not to be called any more). State and count are one
/// word, so that beginning and ending work costs one exchange each; the mutex is for the one who waits for the end.
/// Whoever brings the count to zero while closing looks for on_empty_ under the mutex, which close() holds from the
/// change of state until on_empty_ is there: so it is called once, by one of the two.
/// Thread safety: all members may be called concurrently.
class Scope {
public:
    /// False once closing: the work must not begin.
    bool begin() noexcept {
        auto word = word_.load(std::memory_order_relaxed);
        while ((word & not_open) == 0)
            if (word_.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel, std::memory_order_relaxed))
                return true;
        return false;
    }

    /// For a part of work that has begun and may outlive it.
    void extend() noexcept { word_.fetch_add(1, std::memory_order_relaxed); }

    void end() {
        const auto before = word_.fetch_sub(1, std::memory_order_acq_rel);
        if ((before & not_open) == 0 || (before & ~not_open) != 1) return;
        std::function<void()> emptied;
        {
            const std::lock_guard lock(mutex_);
            emptied = std::exchange(on_empty_, nullptr);
        }
        if (emptied) emptied();
    }

    /// False if somebody closes already. `on_empty` is called once nothing is under way, perhaps at once.
    bool close(std::function<void()> on_empty) {
        {
            const std::lock_guard lock(mutex_);
            const auto before = word_.fetch_or(closing, std::memory_order_acq_rel);
            if ((before & not_open) != 0) return false;
            if (before != 0) {
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
        dropped = std::exchange(on_empty_, nullptr);
        return static_cast<std::size_t>(word_.fetch_or(gone, std::memory_order_acq_rel) & ~not_open);
    }

    bool open() const noexcept { return (word_.load(std::memory_order_acquire) & not_open) == 0; }
    bool over() const noexcept { return (word_.load(std::memory_order_acquire) & gone) != 0; }

private:
    static constexpr std::uint64_t closing = std::uint64_t{1} << 63;
    static constexpr std::uint64_t gone = std::uint64_t{1} << 62;
    static constexpr std::uint64_t not_open = closing | gone;

    std::atomic<std::uint64_t> word_{0}; ///< the two state bits, and the count
    std::mutex mutex_;
    std::function<void()> on_empty_;
};

} // namespace tiercel::chain
