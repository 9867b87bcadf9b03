#pragma once

#include <cstdint>
#include <cstdlib>

namespace tiercel::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

/// How much a randomised test does: `normal`, or `in_long_mode` with TIERCEL_LONG set; a tenth of it under a sanitizer.
inline std::uint64_t effort(std::uint64_t normal, std::uint64_t in_long_mode) {
    const std::uint64_t whole = std::getenv("TIERCEL_LONG") != nullptr ? in_long_mode : normal;
    return is_sanitized ? (whole + 9) / 10 : whole;
}

} // namespace tiercel::test
