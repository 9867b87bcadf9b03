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

namespace {

std::vector<double> rates_of(const Column& column) {
    std::vector<double> rates;
    for (const auto& sample : column.samples)
        rates.push_back(sample.per_second);
    return rates;
}

} // namespace

Spread rate_of(const Column& column) {
    return spread_of(rates_of(column));
}

Spread ratio_of(const Column& one, const Column& other) {
    return bench::ratio_of(rates_of(one), rates_of(other));
}

const Row* Results::find(const Case& what) const {
    const auto found = std::ranges::find(rows, what, &Row::what);
    return found == rows.end() ? nullptr : &*found;
}

} // namespace tiercel::bench::peers
