#pragma once

#include "measurement.hpp"
#include "results.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::bench::clients {

struct Settings {
    std::size_t repetitions = 5;
    Times times{.warm_up = std::chrono::milliseconds(50), .measured = std::chrono::milliseconds(250)};
    std::uint64_t seed = 1;  ///< for the order of turns
    bool keep_awake = false; ///< somebody keeps the processors awake meanwhile: for the report
    std::string filter;      ///< only cases and contenders "case: contender" with this regular expression in them
};

/// Measures every case with every contender, interleaved: each repetition goes through all cases, and in each case
/// through the contenders in an order of its own.
/// Errors: throws std::runtime_error when a server does not start or a contender fails, or misses what is there.
std::vector<Row> run_suite(const Settings& settings);

} // namespace tiercel::bench::clients
