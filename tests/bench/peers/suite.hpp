#pragma once

#include "results.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::bench::peers {

struct Settings {
    std::vector<std::size_t> capacities = {65'536, 1'000'000};
    std::vector<unsigned> threads = {1, 2, 8};
    std::size_t repetitions = 5;
    std::chrono::nanoseconds duration = std::chrono::milliseconds(300); ///< of one measurement
    /// Keys drawn for each group of cases, walked round and round: many more than a capacity, lest a round be held
    /// whole.
    std::size_t draws = std::size_t{1} << 24;
    std::uint64_t seed = 1;
    std::string filter; ///< only cases and contenders "case: contender" with this regular expression in them
    std::vector<std::string> policies; ///< tiercel once more with each of these
};

/// Measures every case with every contender, interleaved: each repetition goes through all cases, and in each case
/// through the contenders in an order of its own.
/// Errors: throws std::runtime_error when a contender lost what it was to hold for a workload of hits.
Results run_suite(const Settings& settings);

} // namespace tiercel::bench::peers
