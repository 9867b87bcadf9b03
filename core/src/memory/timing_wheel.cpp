#include "memory/timing_wheel.hpp"

#include <bit>
#include <cassert>

namespace tiercel::memory {

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
    const Nanos deadline = rule_.deadline(entry);
    assert(deadline != never);
    const std::uint64_t when = std::max(ticks_until(deadline), elapsed_);
    const auto differing = static_cast<std::size_t>(std::bit_width(when ^ elapsed_));
    const std::size_t level = differing == 0 ? 0 : (differing - 1) / digit_bits;
    const std::size_t slot = (when >> (level * digit_bits)) & (slots_per_level - 1);
    slots_[level][slot].push_back(entry);
    occupied_[level] |= std::uint64_t{1} << slot;
}

void TimingWheel::cancel(Entry& entry) noexcept {
    // The slot's bit stays: an empty slot costs one look when the wheel gets there.
    if (entry.expiry_hook.is_linked()) entry.expiry_hook.unlink();
}

TimingWheel::Slot* TimingWheel::turn_to_next_slot(std::uint64_t now_tick) noexcept {
    for (std::size_t level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        const auto slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
        const std::uint64_t start = slot_start(level, slot);
        if (start > now_tick) break;
        elapsed_ = start;
        occupied_[level] &= occupied_[level] - 1;
        return &slots_[level][slot];
    }
    elapsed_ = std::max(elapsed_, now_tick);
    return nullptr;
}

Entry* TimingWheel::next_due(Nanos now, std::uint32_t& budget) noexcept {
    const std::uint64_t now_tick =
        now <= origin_ ? 0 : (static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(origin_)) >> tick_bits;
    for (;;) {
        if (draining_ == nullptr) draining_ = turn_to_next_slot(now_tick);
        if (draining_ == nullptr) return nullptr;
        while (!draining_->empty()) {
            if (budget == 0) return nullptr;
            --budget;
            Entry& entry = draining_->front();
            draining_->pop_front();
            const Nanos deadline = rule_.deadline(entry);
            if (deadline <= now) return &entry;
            if (deadline != never) schedule(entry);
        }
        draining_ = nullptr;
    }
}

std::string TimingWheel::walk(const std::function<void(const Entry&)>& visit) const {
    for (std::size_t level = 0; level < levels; ++level) {
        for (std::size_t slot = 0; slot < slots_per_level; ++slot) {
            const Slot& entries = slots_[level][slot];
            const bool marked = (occupied_[level] >> slot & 1) != 0;
            if (marked && slot_start(level, slot) < elapsed_) return "wheel: a marked slot lies behind";
            if (!entries.empty() && !marked && &entries != draining_) return "wheel: an occupied slot is not marked";
            for (const Entry& entry : entries) {
                visit(entry);
                if (slot_start(level, slot) > std::max(ticks_until(rule_.deadline(entry)), elapsed_))
                    return "wheel: an entry stands in a slot after its deadline";
            }
        }
    }
    return {};
}

} // namespace tiercel::memory
