#pragma once

#include "planted_bug.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace tiercel::chain {

/// Counts the work under way, so that close() can wait for it, and stops new work from beginning.
///
/// States: open -> closing (nothing begins) -> over (neither user code nor a backend is to be called any more).
///
/// Work is counted in one word with the state, if it may end on another thread (begin, end); or, if it is a block of
/// one thread (Brief), in a stripe of that thread's, so that threads do not meet in a cache line for each put. Nothing
/// is under way once, after the change to closing, the word's count was seen at 0 and each stripe was, in any order:
/// neither rises again, but for a Brief that was about to begin at the change, and goes.
///
///     Brief                                     close
///       look at state: over if closing
///       stripe += 1      (seq_cst)                state = closing           (seq_cst)
///       look at state    (seq_cst)                settle: look at word and stripes (seq_cst)
///       ... work ...
///       stripe -= 1      (seq_cst)
///       look at state    (seq_cst): settle if closing
///
/// In the single order of these either close's settle sees the stripe at 0, or the Brief sees closing and settles. Who
/// settles looks for on_empty_ under the mutex, which close() holds from the change of state until on_empty_ is there:
/// so it is called once.
///
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

    void end() {
        const auto before = word_.fetch_sub(1, std::memory_order_seq_cst);
        if ((before & not_open) != 0 && (before & ~not_open) == 1) settle();
    }

    /// Work that begins here, if it may, and ends with the block.
    class Brief {
    public:
        explicit Brief(Scope& scope) : scope_(scope) {
            if (!scope_.open()) return;
            count_ = &scope_.stripes_[stripe_of_this_thread()].under_way;
            count_->fetch_add(1, std::memory_order_seq_cst);
            may_begin_ = (scope_.word_.load(std::memory_order_seq_cst) & not_open) == 0;
        }
        ~Brief() {
            if (count_ == nullptr) return;
            count_->fetch_sub(1, std::memory_order_seq_cst);
            if ((scope_.word_.load(std::memory_order_seq_cst) & not_open) != 0) scope_.settle();
        }
        Brief(const Brief&) = delete;
        Brief& operator=(const Brief&) = delete;

        explicit operator bool() const noexcept { return may_begin_; }

    private:
        Scope& scope_;
        std::atomic<std::size_t>* count_ = nullptr;
        bool may_begin_ = false;
    };

    /// False if somebody closes already. `on_empty` is called once nothing is under way, perhaps at once.
    bool close(std::function<void()> on_empty) {
        {
            const std::lock_guard lock(mutex_);
            if ((word_.fetch_or(closing, std::memory_order_seq_cst) & not_open) != 0) return false;
            on_empty_ = std::move(on_empty);
        }
        settle();
        return true;
    }

    /// Gives up waiting; how much was still under way.
    std::size_t finish() {
        std::function<void()> dropped;
        const std::lock_guard lock(mutex_);
        dropped = std::exchange(on_empty_, nullptr);
        word_.fetch_or(gone, std::memory_order_acq_rel);
        return was_empty_ ? 0 : under_way();
    }

    bool open() const noexcept { return (word_.load(std::memory_order_acquire) & not_open) == 0; }
    bool over() const noexcept { return (word_.load(std::memory_order_acquire) & gone) != 0; }

private:
    static constexpr std::uint64_t closing = std::uint64_t{1} << 63;
    static constexpr std::uint64_t gone = std::uint64_t{1} << 62;
    static constexpr std::uint64_t not_open = closing | gone;
    static constexpr std::size_t stripe_count = 16;

    struct alignas(64) Stripe {
        std::atomic<std::size_t> under_way{0};
    };

    static std::size_t stripe_of_this_thread() noexcept {
        static constinit std::atomic<std::size_t> threads{0};
        thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % stripe_count;
        return mine;
    }

    std::size_t under_way() const noexcept {
        auto sum = static_cast<std::size_t>(word_.load(std::memory_order_seq_cst) & ~not_open);
        for (const Stripe& stripe : stripes_)
            sum += stripe.under_way.load(std::memory_order_seq_cst);
        return sum;
    }

    /// Calls on_empty_ if nothing is under way any more. Only while closing.
    void settle() {
        std::function<void()> emptied;
        {
            const std::lock_guard lock(mutex_);
            if (!was_empty_ && under_way() != 0 && !planted(Bug::close_does_not_wait)) return;
            was_empty_ = true;
            emptied = std::exchange(on_empty_, nullptr);
        }
        if (emptied) emptied();
    }

    std::atomic<std::uint64_t> word_{0}; ///< the two state bits, and the count
    std::array<Stripe, stripe_count> stripes_;
    std::mutex mutex_;               ///< guards the rest
    std::function<void()> on_empty_; ///< what close() waits for, until it has come
    bool was_empty_ = false;         ///< since closing: nothing has begun since
};

} // namespace tiercel::chain
