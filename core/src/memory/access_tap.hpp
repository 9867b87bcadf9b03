#pragma once

#include <tiercel/detail/entry.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tiercel::memory {

/// Hears of what happens in a store to a sample of its keys: those whose hash is_sampled. A key is in the sample
/// always or never.
/// Thread safety: called by any thread at any time, outside all locks of the store. Two calls about one key
/// by different threads may come in another order than the store's.
/// Errors: must not throw, wait for I/O, run user code, or call the store.
class AccessTap {
public:
    virtual ~AccessTap() = default;

    /// A lookup found the entry.
    virtual void on_hit(const detail::Entry& entry) noexcept = 0;
    /// A lookup found nothing, or nothing alive.
    virtual void on_miss(std::uint64_t hash) noexcept = 0;
    /// The entry went in.
    virtual void on_insert(const detail::Entry& /*entry*/) noexcept {}
    /// The key was erased, there or not.
    virtual void on_erase(std::uint64_t /*hash*/) noexcept {}
    /// Everything was.
    virtual void on_clear() noexcept {}
};

/// Samples are cut by these bits of the hash, above those of shards and of the policies' own samples.
inline constexpr unsigned sample_bits_at = 40;
inline constexpr std::uint64_t sample_range = std::uint64_t{1} << (64 - sample_bits_at);

/// What is_sampled compares with for a sample of that part of the keys: 0 for none, at least 1 for any part above 0.
inline std::uint64_t sample_below(double part) noexcept {
    if (part <= 0) return 0;
    const auto below = std::llround(std::min(part, 1.0) * static_cast<double>(sample_range));
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(below));
}

/// The part of the keys that a sample is of.
inline double sampled_part(std::uint64_t below) noexcept {
    return static_cast<double>(below) / static_cast<double>(sample_range);
}

inline bool is_sampled(std::uint64_t hash, std::uint64_t below) noexcept {
    return hash >> sample_bits_at < below;
}

} // namespace tiercel::memory
