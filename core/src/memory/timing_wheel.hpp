#pragma once

#include "memory/expiry_rule.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace tiercel::memory {

/// Gives back entries once their deadline has passed, in O(1) amortised for each whatever their number: a hierarchical
/// timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 7).
/// Thread safety: none; the shard's lock guards it.
/// Lifetime: entries are not owned; `origin` is the earliest time it can tell apart.
/// Errors: never throws, never allocates.
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
class TimingWheel {
public:
    static constexpr unsigned tick_bits = 20;
    static constexpr Nanos tick = Nanos{1} << tick_bits;

    TimingWheel(Nanos origin, ExpiryRule rule) noexcept : origin_(origin), rule_(rule) {}
    TimingWheel(const TimingWheel&) = delete;
    TimingWheel& operator=(const TimingWheel&) = delete;

    /// Puts an entry that can die into its slot; one that is overdue comes up next. Not for a deadline of `never`.
    void schedule(Entry& entry) noexcept;

    /// Takes the entry out if it is in.
    void cancel(Entry& entry) noexcept;

    /// Takes out and returns an entry whose deadline is at or before `now`; null when the budget is used up or no entry
    /// is left whose deadline lies a tick or more before `now`. Each entry looked at costs one of `budget`.
    Entry* next_due(Nanos now, std::uint32_t& budget) noexcept;

    /// Visits each entry once; the first broken invariant, or empty. For tests.
    std::string walk(const std::function<void(const Entry&)>& visit) const;

private:
    static constexpr unsigned digit_bits = 6;
    static constexpr std::size_t slots_per_level = 1U << digit_bits;
    static constexpr std::size_t levels = (64 - tick_bits + digit_bits - 1) / digit_bits;

    using Slot =
        boost::intrusive::list<Entry,
                               boost::intrusive::member_hook<Entry, Entry::SelfUnlinkingHook, &Entry::expiry_hook>,
                               boost::intrusive::constant_time_size<false>>;

    std::uint64_t ticks_until(Nanos time) const noexcept;
    std::uint64_t slot_start(std::size_t level, std::size_t slot) const noexcept;
    Slot* turn_to_next_slot(std::uint64_t now_tick) noexcept;

    const Nanos origin_;
    const ExpiryRule rule_;
    std::uint64_t elapsed_ = 0;                    ///< the wheel's own tick; never goes back
    Slot* draining_ = nullptr;                     ///< the slot at elapsed_ that is not wholly drained
    std::array<std::uint64_t, levels> occupied_{}; ///< bit clear: the slot is empty, or is draining_
    std::array<std::array<Slot, slots_per_level>, levels> slots_;
};

} // namespace tiercel::memory
