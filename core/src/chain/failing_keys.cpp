#include "failing_keys.hpp"

namespace tiercel::chain {

void FailingKeys::failed(std::uint64_t hash, SteadyTime retry_at) {
    const std::lock_guard lock(mutex_);
    records_[hash] = retry_at;
    order_.push_back({hash, retry_at});
    // Keys that fail over and over, or succeed in between, leave more behind than records.
    while (records_.size() > max_records_ || order_.size() > 2 * max_records_)
        forget_oldest();
    size_.store(records_.size(), std::memory_order_relaxed);
}

void FailingKeys::succeeded(std::uint64_t hash) {
    if (size() == 0) return;
    const std::lock_guard lock(mutex_);
    forget(hash);
}

bool FailingKeys::must_wait(std::uint64_t hash, SteadyTime now) {
    if (size() == 0) return false;
    const std::lock_guard lock(mutex_);
    while (!order_.empty() && order_.front().retry_at <= now)
        forget_oldest();
    const auto place = records_.find(hash);
    const bool early = place != records_.end() && now < place->second;
    size_.store(records_.size(), std::memory_order_relaxed);
    return early;
}

void FailingKeys::forget(std::uint64_t hash) {
    records_.erase(hash);
    size_.store(records_.size(), std::memory_order_relaxed);
}

void FailingKeys::forget_oldest() {
    const auto oldest = order_.front();
    order_.pop_front();
    const auto place = records_.find(oldest.hash);
    if (place != records_.end() && place->second == oldest.retry_at) records_.erase(place);
}

} // namespace tiercel::chain
