#pragma once

#include <tiercel/detail/engine.hpp>

#include <chrono>
#include <optional>

namespace tiercel::detail {

/// The longest life of a value. Far from where sums of times overflow.
inline constexpr std::chrono::nanoseconds longest_life = std::chrono::hours(24) * 36'525; // 100 years

/// The first field that is out of range or contradicts another, with what to do about it; empty if all is well.
std::optional<Error> check_options(const EngineOptions& options);

/// Of the bounds of memory alone.
std::optional<Error> check_bounds(const MemoryBounds& bounds, bool weighs);

} // namespace tiercel::detail
