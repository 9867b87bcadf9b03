#pragma once

#include "planted_bug.hpp"

#include <tiercel/detail/entry.hpp>
#include <tiercel/options.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace tiercel::chain {

/// How long loads take lately: an exponentially weighted mean, by an eighth.
/// Thread safety: all members may be called concurrently; relaxed, since a lost sample costs precision alone.
class MeanLoadTime {
public:
    void add(std::chrono::nanoseconds duration) noexcept {
        const auto mean = mean_.load(std::memory_order_relaxed);
        const auto sample = std::max<detail::Nanos>(duration.count(), 0);
        mean_.store(mean == 0 ? sample : mean + (sample - mean) / 8, std::memory_order_relaxed);
    }
    detail::Nanos get() const noexcept { return mean_.load(std::memory_order_relaxed); }

private:
    std::atomic<detail::Nanos> mean_{0};
};

/// Whether a use of a fresh value is the moment to load it anew (RefreshOptions).
class RefreshRule {
public:
    explicit RefreshRule(RefreshOptions options) noexcept : options_(options) {}

    bool exists() const noexcept { return options_.ahead > 0 || options_.early > 0; }

    /// `random`: uniform over 64 bits.
    bool is_due(detail::Nanos created, detail::Nanos expires, detail::Nanos now, detail::Nanos load_time,
                std::uint64_t random) const noexcept {
        if (expires == detail::never || now >= expires) return false;
        if (options_.ahead > 0) {
            const auto life = static_cast<double>(expires) - static_cast<double>(created);
            const auto lived = static_cast<double>(now) - static_cast<double>(created);
            if (lived >= life * options_.ahead || planted(Bug::refresh_begins_at_once)) return true;
        }
        if (options_.early > 0) {
            // -ln of a number from 0 (excluded) to 1: exponentially distributed, with mean 1.
            const double uniform = (static_cast<double>(random >> 11) + 1) * 0x1p-53;
            const auto left = static_cast<double>(expires - now);
            return left <= -std::log(uniform) * options_.early * static_cast<double>(load_time);
        }
        return false;
    }

private:
    const RefreshOptions options_;
};

} // namespace tiercel::chain
