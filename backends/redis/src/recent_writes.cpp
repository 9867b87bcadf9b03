#include "recent_writes.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace tiercel::redis {

namespace {

constexpr std::uint64_t count_bits = 24;
/// So many writes of one cell at once are never counted down again: the cell stays the master's.
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
constexpr std::uint64_t last_time = (std::uint64_t{1} << (64 - count_bits)) - 1;

} // namespace

RecentWrites::RecentWrites(std::chrono::milliseconds max_staleness, std::chrono::milliseconds late, SteadyTime epoch)
    : max_staleness_(max_staleness), late_(late), epoch_(epoch), cells_(new Cell[cell_count]()) {}

bool RecentWrites::is_recent(BytesView key, SteadyTime now) const noexcept {
    const auto cell = cells_[cell_of(key)].load(std::memory_order_relaxed);
    if (cell == 0) return false;
    if ((cell & count_mask) != 0) return true;
    return now <= epoch_ + std::chrono::milliseconds(cell >> count_bits);
}

std::uint32_t RecentWrites::cell_of(BytesView key) noexcept {
    return static_cast<std::uint32_t>(XXH64(key.data(), key.size(), 0) % cell_count);
}

void RecentWrites::begin(std::uint32_t cell) noexcept {
    auto old = cells_[cell].load(std::memory_order_relaxed);
    do {
        if ((old & count_mask) == count_mask) return;
    } while (!cells_[cell].compare_exchange_weak(old, old + 1, std::memory_order_relaxed));
}

void RecentWrites::end(std::uint32_t cell, SteadyTime until) noexcept {
    const auto since_epoch = std::chrono::ceil<std::chrono::milliseconds>(until - epoch_).count();
    const auto time = std::min(last_time, static_cast<std::uint64_t>(std::max<std::int64_t>(since_epoch, 0)));
    auto old = cells_[cell].load(std::memory_order_relaxed);
    std::uint64_t changed = 0;
    do {
        const auto count = old & count_mask;
        const auto later = std::max(old >> count_bits, time);
        changed = later << count_bits | (count == count_mask ? count : count - 1);
    } while (!cells_[cell].compare_exchange_weak(old, changed, std::memory_order_relaxed));
}

void RecentWrites::Writing::add(BytesView key) {
    if (!table_) return;
    cells_.push_back(cell_of(key));
    table_->begin(cells_.back());
}

RecentWrites::Writing::~Writing() {
    if (!table_) return;
    auto until = std::chrono::steady_clock::now() + table_->max_staleness_;
    if (!answered_) until += table_->late_;
    for (const auto cell : cells_)
        table_->end(cell, until);
}

} // namespace tiercel::redis
