#pragma once

#include "memory/expiry_rule.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::memory {

/// Gives back entries once their deadline has passed, in O(1) amortised for each whatever their number: a hierarchical
/// timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 7).
/// Thread safety: none; the shard's lock guards it.
/// Lifetime: entries are not owned; `origin` is the earliest time it can tell apart.
/// Time: callers read their clocks apart, and some read a coarse one; a time before the latest counts as that.
/// Errors: only reserve_one() may throw.
///
/// Time since `origin` is counted in ticks and read as digits of 6 bits. An entry stands in the level of the highest
/// digit in which its tick differs from the wheel's, in the slot of its own digit there:
///
///     level 0   64 slots of a tick (1.05 ms)     all of this level's 67 ms
///     level 1   64 slots of 67 ms                the rest of these 4.3 s
///     level 2   64 slots of 4.3 s                the rest of these 4.6 min
///     ...
///     level 7   64 slots of 146 years            all that 64 bits of nanoseconds can say
///
/// Hence every occupied slot lies ahead of the wheel, those of a lower level before those of a higher one, and a bit
/// mask for each level finds the next one without turning through empty slots. When the wheel reaches a slot it drains
/// it: what is due leaves, the rest moves to a lower level (or, used in the meantime, to where it belongs now). So an
/// entry moves at most once a level for each time that its deadline came up and uses had put it off.
///
/// A slot is a ring of timers through its own, all in one vector and linked by index: what never dies pays only for the
/// number of the timer that it has not.
class TimingWheel {
public:
    static constexpr unsigned tick_bits = 20;
    static constexpr Nanos tick = Nanos{1} << tick_bits;

    /// Errors: throws std::bad_alloc.
    TimingWheel(Nanos origin, ExpiryRule rule);
    TimingWheel(const TimingWheel&) = delete;
    TimingWheel& operator=(const TimingWheel&) = delete;

    /// Makes room for one more. Errors: throws std::bad_alloc, having changed nothing; nothing else here throws.
    void reserve_one();

    /// Puts an entry that can die into its slot; one that is overdue comes up next. Not for a deadline of `never`;
    /// reserve_one() was called.
    void schedule(Entry& entry) noexcept;

    /// Takes the entry out if it is in.
    void cancel(Entry& entry) noexcept;

    /// As cancel(old) and schedule(fresh), which can die; no need of reserve_one() if `old` is in.
    void replace(Entry& old, Entry& fresh) noexcept;

    /// Takes out and returns an entry whose deadline is at or before `now`; null when the budget is used up or no entry
    /// is left whose deadline lies a tick or more before `now`. Each entry looked at costs one of `budget`.
    Entry* next_due(Nanos now, std::uint32_t& budget) noexcept;

    /// Visits each entry once; the first broken invariant, or empty. For tests.
    std::string walk(const std::function<void(const Entry&)>& visit) const;

private:
    static constexpr unsigned digit_bits = 6;
    static constexpr std::size_t slots_per_level = 1U << digit_bits;
    static constexpr std::size_t levels = (64 - tick_bits + digit_bits - 1) / digit_bits;

    using Index = std::uint32_t;

    /// The first ones are the slots' own, which stand for nobody.
    struct Timer {
        Entry* entry = nullptr;
        Index previous = 0;
        Index next = 0; ///< also in the list of free ones
    };

    static Index slot_at(std::size_t level, std::size_t slot) noexcept {
        return static_cast<Index>(level * slots_per_level + slot);
    }
    bool is_empty(Index slot) const noexcept { return timers_[slot].next == slot; }
    void join(Index slot, Index timer) noexcept;
    void leave(Index timer) noexcept;
    void place(Index timer) noexcept;
    Entry& release(Index timer) noexcept;

    std::uint64_t ticks_until(Nanos time) const noexcept;
    std::uint64_t slot_start(std::size_t level, std::size_t slot) const noexcept;
    std::optional<Index> turn_to_next_slot(std::uint64_t now_tick) noexcept;

    const Nanos origin_;
    const ExpiryRule rule_;
    Nanos latest_;                  ///< time given; with an older one, what is drained at elapsed_ would go back there
    std::uint64_t elapsed_ = 0;     ///< the wheel's own tick; never goes back
    std::optional<Index> draining_; ///< the slot at elapsed_ that is not wholly drained
    std::array<std::uint64_t, levels> occupied_{}; ///< bit clear: the slot is empty, or is draining_
    std::vector<Timer> timers_;
    Index free_ = 0; ///< 0: none, for that is a slot's
};

} // namespace tiercel::memory
