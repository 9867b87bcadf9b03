#pragma once

#include "results.hpp"

#include <string>

namespace tiercel::bench::peers {

/// Fills each contender whose "memory: contender" matches the filter with a million 64-bit keys, each in a fresh
/// process of this program, and a vector with the same keys and strings, which is what the payload takes.
/// Errors: throws std::runtime_error when such a process fails.
void measure_memory(const std::string& filter, Results& results);

/// What such a process does: fills, and prints how much that took. `contender` may be `payload_only`.
int measure_memory_of(const std::string& contender);
inline constexpr const char* payload_only = "payload";
/// The option that has main() do so.
inline constexpr const char* memory_of_option = "--memory-of";

} // namespace tiercel::bench::peers
