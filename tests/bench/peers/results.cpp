#include "results.hpp"

#include <algorithm>

namespace tiercel::bench::peers {

std::string Case::name() const {
    return keys + ' ' + std::to_string(capacity) + ' ' + std::string(name_of(workload)) + " x" +
           std::to_string(threads);
}

const Column* Row::find(Role role) const {
    const auto found = std::ranges::find(columns, role, &Column::role);
    return found == columns.end() ? nullptr : &*found;
}

const Column* Row::best_peer() const {
    const Column* best = nullptr;
    for (const auto& column : columns) {
        if (column.role != Role::peer) continue;
        if (!best || rate_of(column).median > rate_of(*best).median) best = &column;
    }
    return best;
}

Spread spread_of(std::vector<double> values) {
    if (values.empty()) return {};
    std::ranges::sort(values);
    const auto middle = values.size() / 2;
    const auto median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back()};
}

Spread rate_of(const Column& column) {
    std::vector<double> rates;
    for (const auto& sample : column.samples)
        rates.push_back(sample.per_second);
    return spread_of(std::move(rates));
}

Spread ratio_of(const Column& one, const Column& other) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(one.samples.size(), other.samples.size()); ++i)
        ratios.push_back(one.samples[i].per_second / other.samples[i].per_second);
    return spread_of(std::move(ratios));
}

const Row* Results::find(const Case& what) const {
    const auto found = std::ranges::find(rows, what, &Row::what);
    return found == rows.end() ? nullptr : &*found;
}

} // namespace tiercel::bench::peers
