#pragma once

#include "lab/trace.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::lab {

/// How large a cache is to be, as the command line says it: "1000" entries (bytes when weighed), "64MiB" (only when
/// weighed), or "10%" of the trace's unique keys (of their bytes when weighed).
class CacheSize {
public:
    /// Throws UsageError.
    explicit CacheSize(std::string_view text);

    /// In entries, or bytes when the trace was read for weighing; to the nearest. Throws UsageError when that is none.
    std::uint64_t of(const Trace& trace) const;

private:
    enum class Unit : unsigned char { plain, bytes, percent };

    std::string text_;
    Unit unit_ = Unit::plain;
    double number_ = 0;
};

/// Each of them once, in the order given.
std::vector<std::uint64_t> resolved(const std::vector<CacheSize>& sizes, const Trace& trace);

/// What percentages are of: the trace's unique keys, or their bytes.
std::uint64_t whole_of(const Trace& trace) noexcept;
/// "entries" or "bytes".
std::string_view unit_of(const Trace& trace) noexcept;

/// From `first` to `last`, both included, each about the same factor above the one before.
std::vector<std::uint64_t> log_spaced(std::uint64_t first, std::uint64_t last, unsigned count);

} // namespace tiercel::lab
