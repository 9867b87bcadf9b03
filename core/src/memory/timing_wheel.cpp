#include "memory/timing_wheel.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <new>
#include <utility>

namespace tiercel::memory {

TimingWheel::TimingWheel(Nanos origin, ExpiryRule rule)
    : origin_(origin), rule_(rule), latest_(origin), timers_(levels * slots_per_level) {
    for (Index slot = 0; slot < timers_.size(); ++slot)
        timers_[slot].previous = timers_[slot].next = slot;
}

void TimingWheel::reserve_one() {
    if (free_ != 0) return;
    if (timers_.size() > std::numeric_limits<Index>::max()) throw std::bad_alloc();
    timers_.emplace_back();
    free_ = static_cast<Index>(timers_.size() - 1);
}

void TimingWheel::join(Index slot, Index timer) noexcept {
    Timer& head = timers_[slot];
    timers_[timer].previous = head.previous;
    timers_[timer].next = slot;
    timers_[head.previous].next = timer;
    head.previous = timer;
}

void TimingWheel::leave(Index timer) noexcept {
    timers_[timers_[timer].previous].next = timers_[timer].next;
    timers_[timers_[timer].next].previous = timers_[timer].previous;
}

Entry& TimingWheel::release(Index timer) noexcept {
    Entry& entry = *timers_[timer].entry;
    entry.timer = 0;
    timers_[timer] = {nullptr, 0, free_};
    free_ = timer;
    return entry;
}

/// Rounded up: a deadline's tick has come only if the deadline has.
std::uint64_t TimingWheel::ticks_until(Nanos time) const noexcept {
    if (time <= origin_) return 0;
    const std::uint64_t since = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(origin_);
    return ((since - 1) >> tick_bits) + 1;
}

std::uint64_t TimingWheel::slot_start(std::size_t level, std::size_t slot) const noexcept {
    const std::size_t shift = level * digit_bits;
    const std::uint64_t above = elapsed_ >> (shift + digit_bits) << (shift + digit_bits);
    return above | static_cast<std::uint64_t>(slot) << shift;
}

void TimingWheel::schedule(Entry& entry) noexcept {
    const Index timer = free_;
    free_ = timers_[timer].next;
    timers_[timer].entry = &entry;
    entry.timer = timer;
    place(timer);
}

void TimingWheel::place(Index timer) noexcept {
    const Nanos deadline = rule_.deadline(*timers_[timer].entry);
    assert(deadline != never);
    const std::uint64_t when = std::max(ticks_until(deadline), elapsed_);
    const auto differing = static_cast<std::size_t>(std::bit_width(when ^ elapsed_));
    const std::size_t level = differing == 0 ? 0 : (differing - 1) / digit_bits;
    const std::size_t slot = (when >> (level * digit_bits)) & (slots_per_level - 1);
    join(slot_at(level, slot), timer);
    occupied_[level] |= std::uint64_t{1} << slot;
}

void TimingWheel::cancel(Entry& entry) noexcept {
    // The slot's bit stays: an empty slot costs one look when the wheel gets there.
    if (entry.timer == 0) return;
    leave(entry.timer);
    (void)release(entry.timer);
}

/// A timer that comes up early is put where it belongs then.
void TimingWheel::replace(Entry& old, Entry& fresh) noexcept {
    const Index timer = std::exchange(old.timer, 0);
    if (timer == 0) return schedule(fresh);
    timers_[timer].entry = &fresh;
    fresh.timer = timer;
    if (rule_.deadline(fresh) >= rule_.deadline(old)) return;
    leave(timer);
    place(timer);
}

std::optional<TimingWheel::Index> TimingWheel::turn_to_next_slot(std::uint64_t now_tick) noexcept {
    for (std::size_t level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        const auto slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
        const std::uint64_t start = slot_start(level, slot);
        if (start > now_tick) break;
        elapsed_ = start;
        occupied_[level] &= occupied_[level] - 1;
        return slot_at(level, slot);
    }
    elapsed_ = std::max(elapsed_, now_tick);
    return std::nullopt;
}

Entry* TimingWheel::next_due(Nanos now, std::uint32_t& budget) noexcept {
    now = latest_ = std::max(latest_, now);
    const std::uint64_t now_tick =
        now <= origin_ ? 0 : (static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(origin_)) >> tick_bits;
    for (;;) {
        if (!draining_) draining_ = turn_to_next_slot(now_tick);
        if (!draining_) return nullptr;
        while (!is_empty(*draining_)) {
            if (budget == 0) return nullptr;
            --budget;
            const Index timer = timers_[*draining_].next;
            leave(timer);
            const Nanos deadline = rule_.deadline(*timers_[timer].entry);
            if (deadline != never && deadline > now) {
                place(timer);
                continue;
            }
            Entry& entry = release(timer);
            if (deadline <= now) return &entry;
        }
        draining_.reset();
    }
}

std::string TimingWheel::walk(const std::function<void(const Entry&)>& visit) const {
    for (std::size_t level = 0; level < levels; ++level) {
        for (std::size_t slot = 0; slot < slots_per_level; ++slot) {
            const Index head = slot_at(level, slot);
            const bool marked = (occupied_[level] >> slot & 1) != 0;
            if (marked && slot_start(level, slot) < elapsed_) return "wheel: a marked slot lies behind";
            if (!is_empty(head) && !marked && head != draining_) return "wheel: an occupied slot is not marked";
            for (Index timer = timers_[head].next; timer != head; timer = timers_[timer].next) {
                const Entry& entry = *timers_[timer].entry;
                visit(entry);
                if (entry.timer != timer) return "wheel: an entry's timer is not its own";
                if (slot_start(level, slot) > std::max(ticks_until(rule_.deadline(entry)), elapsed_))
                    return "wheel: an entry stands in a slot after its deadline";
            }
        }
    }
    return {};
}

} // namespace tiercel::memory
