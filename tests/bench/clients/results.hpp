#pragma once

#include "../statistics.hpp"
#include "measurement.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::bench::clients {

/// What can be compared.
enum class Figure : unsigned char { rate, p99, client_cpu };

constexpr std::string_view name_of(Figure figure) {
    switch (figure) {
    case Figure::rate:
        return "operations a second";
    case Figure::p99:
        return "p99";
    case Figure::client_cpu:
        return "client CPU per operation";
    }
    return "";
}

/// One contender's figure over another's in the same case. A rate is to be at least `aim`, the others at most.
struct Comparison {
    Figure figure = Figure::rate;
    std::string contender;
    std::string reference;
    std::optional<double> aim = {}; ///< none: for information

    bool met_by(double ratio) const { return !aim || (figure == Figure::rate ? ratio >= *aim : ratio <= *aim); }
};

/// A contender's samples in one case, a repetition each.
struct Column {
    std::string contender;
    std::vector<Sample> samples;

    std::vector<double> all(double Sample::*field) const;
    Spread spread(double Sample::*field) const { return spread_of(all(field)); }
    bool has_latencies() const { return !samples.empty() && samples.front().p50_ns > 0; }
};

struct Row {
    std::string name;
    std::vector<Column> columns;
    std::vector<Comparison> comparisons; ///< of columns that are there

    /// Repetition by repetition.
    Spread ratio(const Comparison& comparison) const;
};

} // namespace tiercel::bench::clients
