#pragma once

#include <cstdint>
#include <cstdlib>

namespace tiercel::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

/// How much a randomised test does: `normal`, or `in_long_mode` with TIERCEL_LONG set. Under a sanitizer a tenth of
/// `normal`, and in the long mode as much as `normal`.
inline std::uint64_t effort(std::uint64_t normal, std::uint64_t in_long_mode) {
    const bool is_long = std::getenv("TIERCEL_LONG") != nullptr;
    if (is_sanitized) return is_long ? normal : (normal + 9) / 10;
    return is_long ? in_long_mode : normal;
}

} // namespace tiercel::test
