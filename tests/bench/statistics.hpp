#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::bench {

/// Of the repetitions of one measurement.
struct Spread {
    double median = 0, min = 0, max = 0;
};
Spread spread_of(std::vector<double> values);
/// Of one / other, repetition by repetition.
Spread ratio_of(const std::vector<double>& one, const std::vector<double>& other);

/// The value below which this share of them lies; `of` is reordered and not empty.
double quantile(std::vector<std::uint32_t>& of, double share);

// How the tables show them.
std::string fixed(double number, int digits);
/// "0.97 (0.95–1.02)"
std::string with_extremes(const Spread& spread);
/// "1.23 ±4 %": the median in units of `unit`, and how far the repetitions went from it at most.
std::string with_deviation(const Spread& spread, double unit, int digits);

} // namespace tiercel::bench
