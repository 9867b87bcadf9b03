#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tiercel {

/// Why an entry left the memory tier. The meanings are Caffeine's.
enum class RemovalCause : std::uint8_t {
    explicit_, ///< invalidate, or clear
    replaced,  ///< a new value took its place
    expired,   ///< its time to live, or its time since last use, ran out
    size,      ///< evicted to keep within the entry or weight bound
    closed,    ///< the cache was closed
};

inline constexpr std::size_t removal_cause_count = static_cast<std::size_t>(RemovalCause::closed) + 1;

std::string_view to_string(RemovalCause cause) noexcept;

} // namespace tiercel
