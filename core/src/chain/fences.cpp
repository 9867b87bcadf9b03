#include "fences.hpp"

#include "planted_bug.hpp"

#include <algorithm>

namespace tiercel::chain {

Fences::Fences(const spi::Clock& clock, std::size_t max_records) : clock_(clock), max_records_(max_records) {}

std::uint64_t Fences::stamp() noexcept {
    const auto wall = static_cast<std::uint64_t>(clock_.wall_now().time_since_epoch().count());
    auto last = last_stamp_.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
        next = std::max(last + 1, wall);
    } while (!last_stamp_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
}

std::uint64_t Fences::begin() {
    const std::lock_guard lock(mutex_);
    const auto began = stamp();
    active_.insert(began);
    return began;
}

void Fences::end(std::uint64_t began) {
    const std::lock_guard lock(mutex_);
    const auto place = active_.find(began);
    if (place != active_.end()) active_.erase(place);
    forget_settled();
}

std::uint64_t Fences::raise(std::uint64_t hash) {
    const std::lock_guard lock(mutex_);
    auto& record = record_of(hash);
    record.stamp = planted(Bug::fence_is_not_raised) ? record.stamp : stamp();
    ++record.pending;
    return record.stamp;
}

void Fences::settle(std::uint64_t hash, std::uint64_t raised, bool confirmed) {
    const std::lock_guard lock(mutex_);
    if (raised < floor_) return; // its record went with an overflow; one of this hash there now is another's
    const auto place = records_.find(hash);
    if (place == records_.end()) return;
    auto& record = place->second;
    if (record.pending > 0) --record.pending;
    if (!confirmed && !planted(Bug::unconfirmed_fence_is_settled)) {
        record.sticky = true;
    } else if (record.stamp == raised) {
        record.sticky = false;
    }
    if (record.forgettable() && !record.queued) {
        record.queued = true;
        settled_.push_back({hash, record.stamp});
    }
    forget_settled();
}

void Fences::fill_unknown(std::uint64_t hash) {
    const std::lock_guard lock(mutex_);
    if (!planted(Bug::unknown_fill_is_forgotten)) record_of(hash).unknown_fill = true;
}

std::uint64_t Fences::raise_all() {
    const std::lock_guard lock(mutex_);
    forget_all();
    return floor_;
}

/// What any record says, the floor now says of all keys.
void Fences::forget_all() {
    if (!planted(Bug::clear_raises_no_floor)) floor_ = stamp();
    records_.clear();
    settled_.clear();
    drained_.clear();
}

bool Fences::believes(std::uint64_t hash, std::uint64_t version) const {
    const std::lock_guard lock(mutex_);
    if (version < floor_) return false;
    const auto place = records_.find(hash);
    return place == records_.end() || version >= place->second.stamp;
}

std::size_t Fences::size() const {
    const std::lock_guard lock(mutex_);
    return records_.size();
}

Fences::Record& Fences::record_of(std::uint64_t hash) {
    const auto place = records_.find(hash);
    if (place != records_.end()) return place->second;
    if (records_.size() >= max_records_) {
        forget_all();
        overflows_.fetch_add(1, std::memory_order_relaxed);
    }
    return records_[hash];
}

void Fences::forget_settled() {
    const auto oldest =
        active_.empty() || planted(Bug::fence_is_forgotten_under_reads) ? std::uint64_t(-1) : *active_.begin();
    while (!settled_.empty() && settled_.front().stamp < oldest) {
        const auto hash = settled_.front().hash;
        settled_.pop_front();
        const auto place = records_.find(hash);
        if (place == records_.end()) continue;
        auto& record = place->second;
        if (!record.forgettable()) {
            record.queued = false; // settle() sees it again
        } else if (record.stamp < oldest) {
            drained_.push_back({hash, record.stamp, stamp()});
        } else {
            settled_.push_back({hash, record.stamp}); // raised again since it was queued
        }
    }
    while (!drained_.empty() && (drained_.front().since < oldest || planted(Bug::drained_fence_is_forgotten))) {
        const auto [hash, drained, since] = drained_.front();
        drained_.pop_front();
        const auto place = records_.find(hash);
        if (place == records_.end()) continue;
        auto& record = place->second;
        if (!record.forgettable()) {
            record.queued = false;
        } else if (record.stamp == drained) {
            records_.erase(place);
        } else {
            settled_.push_back({hash, record.stamp}); // raised again since; the next to end looks at it
        }
    }
}

} // namespace tiercel::chain
