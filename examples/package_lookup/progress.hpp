#pragma once

#include <tiercel/priming.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace package_lookup {

/// For PrimeOptions::on_progress: a bar on a terminal, and in a pipe or file a line at each quarter.
std::function<void(const tiercel::PrimeProgress&)> prime_progress();

/// "1,234,567"
std::string with_commas(std::uint64_t number);
/// "83.2 %" for 0.832
std::string percent(double ratio);

} // namespace package_lookup
