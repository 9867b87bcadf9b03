#include "report.hpp"

#include <string>

namespace tiercel::bench::clients {
namespace {

std::string microseconds(const Column& column, double Sample::*field) {
    const auto median = column.spread(field).median / 1e3;
    return fixed(median, median < 10 ? 2 : median < 100 ? 1 : 0);
}

void print_figures(const std::vector<Row>& rows, std::ostream& out) {
    out << "\nThousand operations (keys) a second, microseconds of latency, and of CPU per operation.\n\n"
           "| case | client | thousand a second | p50 | p99 | client CPU | server CPU |\n"
           "|---|---|---:|---:|---:|---:|---:|\n";
    for (const auto& row : rows) {
        auto name = row.name;
        for (const auto& column : row.columns) {
            out << "| " << name << " | " << column.contender << " | "
                << with_deviation(column.spread(&Sample::per_second), 1e3, 1) << " | "
                << (column.has_latencies() ? microseconds(column, &Sample::p50_ns) : "–") << " | "
                << (column.has_latencies() ? microseconds(column, &Sample::p99_ns) : "–") << " | "
                << microseconds(column, &Sample::client_ns) << " | " << microseconds(column, &Sample::server_ns)
                << " |\n";
            name.clear();
        }
    }
}

std::string aim_of(const Comparison& comparison) {
    if (!comparison.aim) return "–";
    return (comparison.figure == Figure::rate ? "≥ " : "≤ ") + fixed(*comparison.aim, 2);
}

/// A median that meets the aim while an extreme does not, or the other way round, says less.
std::string verdict(const Comparison& comparison, const Spread& ratio) {
    if (!comparison.aim) return "–";
    const bool met = comparison.met_by(ratio.median);
    const bool always = comparison.met_by(ratio.min) == met && comparison.met_by(ratio.max) == met;
    return std::string(met ? "yes" : "**no**") + (always ? "" : ", mostly");
}

void print_comparisons(const std::vector<Row>& rows, std::ostream& out) {
    out << "\nRatios, repetition by repetition: the median (and the extremes).\n\n"
           "| case | of | to | what | ratio | aim | met |\n|---|---|---|---|---:|---:|---|\n";
    for (const auto& row : rows) {
        auto name = row.name;
        for (const auto& comparison : row.comparisons) {
            const auto ratio = row.ratio(comparison);
            out << "| " << name << " | " << comparison.contender << " | " << comparison.reference << " | "
                << name_of(comparison.figure) << " | " << with_extremes(ratio) << " | " << aim_of(comparison) << " | "
                << verdict(comparison, ratio) << " |\n";
            name.clear();
        }
    }
}

} // namespace

void print_tables(const std::vector<Row>& rows, const Settings& settings, std::ostream& out) {
    const auto seconds = std::chrono::duration<double>(settings.times.measured).count();
    out << "\nMedians of " << settings.repetitions << " interleaved repetitions of " << fixed(seconds, 2)
        << " s each; idle processors " << (settings.keep_awake ? "kept awake" : "left to sleep") << ".\n";
    print_figures(rows, out);
    print_comparisons(rows, out);
}

} // namespace tiercel::bench::clients
