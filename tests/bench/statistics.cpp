#include "statistics.hpp"

#include <algorithm>
#include <cstddef>
#include <iomanip>
#include <sstream>
#include <utility>

namespace tiercel::bench {

Spread spread_of(std::vector<double> values) {
    if (values.empty()) return {};
    std::ranges::sort(values);
    const auto middle = values.size() / 2;
    const auto median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back()};
}

Spread ratio_of(const std::vector<double>& one, const std::vector<double>& other) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i)
        ratios.push_back(one[i] / other[i]);
    return spread_of(std::move(ratios));
}

double quantile(std::vector<std::uint32_t>& of, double share) {
    const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(of.size() - 1));
    std::nth_element(of.begin(), of.begin() + rank, of.end());
    return of[static_cast<std::size_t>(rank)];
}

std::string fixed(double number, int digits) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(digits) << number;
    return text.str();
}

std::string with_extremes(const Spread& spread) {
    return fixed(spread.median, 2) + " (" + fixed(spread.min, 2) + "–" + fixed(spread.max, 2) + ")";
}

std::string with_deviation(const Spread& spread, double unit, int digits) {
    const auto away = std::max(spread.max - spread.median, spread.median - spread.min) / spread.median;
    return fixed(spread.median / unit, digits) + " ±" + fixed(100 * away, 0) + " %";
}

} // namespace tiercel::bench
