#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace package_lookup {

/// Picks ranks 0 to `ranks` - 1 as often as people ask for things: the first one twice as often as the second, three
/// times as often as the third (Zipf's law with exponent 1).
inline std::discrete_distribution<std::size_t> zipf(std::size_t ranks, double exponent = 1.0) {
    std::vector<double> weights(ranks);
    for (std::size_t i = 0; i < ranks; ++i)
        weights[i] = std::pow(static_cast<double>(i + 1), -exponent);
    return {weights.begin(), weights.end()};
}

} // namespace package_lookup
