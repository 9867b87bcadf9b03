#include "results.hpp"

#include <algorithm>

namespace tiercel::bench::clients {
namespace {

double Sample::*field_of(Figure figure) {
    switch (figure) {
    case Figure::rate:
        return &Sample::per_second;
    case Figure::p99:
        return &Sample::p99_ns;
    case Figure::client_cpu:
        return &Sample::client_ns;
    }
    return nullptr;
}

} // namespace

std::vector<double> Column::all(double Sample::*field) const {
    std::vector<double> values;
    for (const auto& sample : samples)
        values.push_back(sample.*field);
    return values;
}

Spread Row::ratio(const Comparison& comparison) const {
    const auto field = field_of(comparison.figure);
    const auto values_of = [&](const std::string& contender) {
        return std::ranges::find(columns, contender, &Column::contender)->all(field);
    };
    return ratio_of(values_of(comparison.contender), values_of(comparison.reference));
}

} // namespace tiercel::bench::clients
