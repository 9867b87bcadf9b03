#pragma once

/// What the test and the process that it kills must agree on.
namespace tiercel::test {

inline constexpr const char* keeper_cache = "keeper";
/// Each has 20 keys of its own, and gives them values that only grow.
inline constexpr unsigned keeper_threads = 3;

} // namespace tiercel::test
