#pragma once

#include <tiercel/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace tiercel {

/// What became of the keys given to prime().
struct PrimeCounts {
    std::uint64_t keys = 0;       ///< taken from the list so far
    std::uint64_t fresh = 0;      ///< were in memory already
    std::uint64_t from_tiers = 0; ///< found in a tier; memory filled
    std::uint64_t loaded = 0;
    std::uint64_t absent = 0; ///< the source has no such thing
    std::uint64_t failed = 0;

    std::uint64_t settled() const noexcept { return fresh + from_tiers + loaded + absent + failed; }
};

struct PrimeProgress {
    PrimeCounts counts;
    std::optional<std::uint64_t> total; ///< where the number of keys is known beforehand
    std::chrono::nanoseconds elapsed{};
};

/// Priming ends when the keys are in memory; tiers may still be being filled, which close() waits for.
struct PrimeOptions {
    /// Batches under way at once. At least 1.
    std::size_t parallel = 4;
    /// Keys in a batch. At least 1.
    std::size_t batch = 100;
    /// Keys taken from the list per second; 0: as fast as they go.
    double rate_per_second = 0;
    /// For all of it. Must be positive.
    std::chrono::nanoseconds timeout = std::chrono::minutes(10);
    /// Stops taking keys; batches under way end.
    std::stop_token stop = {};
    /// Called after each batch, one call at a time, on a worker thread. What it throws is dropped.
    std::function<void(const PrimeProgress&)> on_progress = {};
};

struct PrimeReport {
    enum class End : std::uint8_t { completed, timed_out, cancelled, closed };

    PrimeCounts counts;
    End end = End::completed;
    std::chrono::nanoseconds elapsed{};
    /// Texts of the failures with how often each came, most frequent first; at most 20 different ones.
    std::vector<std::pair<std::string, std::uint64_t>> reasons;
};

} // namespace tiercel
