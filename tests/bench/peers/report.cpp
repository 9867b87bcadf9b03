#include "report.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace tiercel::bench::peers {
namespace {

std::string ratio(const Column* one, const Column* other) {
    return one && other ? with_extremes(ratio_of(*one, *other)) : "–";
}

/// In a million a second: the median, and how far the repetitions went from it at most.
std::string rate(const Column* column) {
    return column ? with_deviation(rate_of(*column), 1e6, 2) : "–";
}

std::string shown(const Case& what) {
    return what.keys + ", " + std::to_string(what.capacity) + ", " + std::string(name_of(what.workload)) + " ×" +
           std::to_string(what.threads);
}

const Column* column_of(const Row& row, const std::string& contender) {
    const auto found = std::ranges::find(row.columns, contender, &Column::contender);
    return found == row.columns.end() ? nullptr : &*found;
}

std::vector<const Row*> rows_of(const Results& results, const std::set<Workload>& workloads) {
    std::vector<const Row*> rows;
    for (const auto& row : results.rows) {
        if (workloads.contains(row.what.workload)) rows.push_back(&row);
    }
    return rows;
}

/// In the order of the entrants, which each row keeps.
std::vector<std::string> contenders_of(const std::vector<const Row*>& rows) {
    std::vector<std::string> names;
    for (const auto& entrant : entrants<std::uint64_t>({}))
        names.push_back(entrant.name);
    for (const auto* row : rows) {
        for (const auto& column : row->columns) {
            if (std::ranges::find(names, column.contender) == names.end()) names.push_back(column.contender);
        }
    }
    std::erase_if(names, [&](const std::string& name) {
        return std::ranges::none_of(rows, [&](const Row* row) { return column_of(*row, name) != nullptr; });
    });
    return names;
}

template <class Cell>
void print_columns(const std::vector<const Row*>& rows, const char* title, std::ostream& out, Cell cell) {
    if (rows.empty()) return;
    const auto names = contenders_of(rows);
    out << "\n" << title << "\n\n| case |";
    for (const auto& name : names)
        out << ' ' << name << " |";
    out << "\n|---|";
    for (std::size_t i = 0; i < names.size(); ++i)
        out << "---:|";
    out << '\n';
    for (const auto* row : rows) {
        out << "| " << shown(row->what) << " |";
        for (const auto& name : names)
            out << ' ' << cell(column_of(*row, name)) << " |";
        out << '\n';
    }
}

/// The same case with two threads, and with one.
const Column* with_threads(const Results& results, const Row& row, unsigned threads) {
    auto what = row.what;
    what.threads = threads;
    const auto* const other = results.find(what);
    return other ? other->find(Role::tiercel) : nullptr;
}

void print_ratios(const Results& results, std::ostream& out) {
    const auto rows = rows_of(results, {Workload::hits, Workload::mixed_95_5, Workload::mixed_50_50,
                                        Workload::put_existing, Workload::put_at_capacity, Workload::erase});
    if (std::ranges::none_of(rows, [](const Row* row) { return row->find(Role::tiercel) != nullptr; })) return;
    out << "\nRatios of tiercel's rate, repetition by repetition: the median (and the extremes).\n\n"
           "| case | to the best that evicts | which is | to the limit | to tiercel with 2 threads | "
           "tiercel's batches to its single gets | with TTLs to without |\n|---|---:|---|---:|---:|---:|---:|\n";
    for (const auto* row : rows) {
        const auto* const ours = row->find(Role::tiercel);
        if (!ours) continue;
        const auto* const best = row->best_peer();
        out << "| " << shown(row->what) << " | " << ratio(ours, best) << " | " << (best ? best->contender : "–")
            << " | " << ratio(ours, row->find(Role::limit)) << " | "
            << (row->what.threads > 2 ? ratio(ours, with_threads(results, *row, 2)) : "–") << " | "
            << ratio(row->find(Role::tiercel_batches), ours) << " | " << ratio(row->find(Role::tiercel_ttls), ours)
            << " |\n";
    }
}

void print_memory(const Results& results, std::ostream& out) {
    if (results.memory.empty()) return;
    out << "\nMemory per entry with a million 64-bit keys, resident bytes; key and string alone, in a vector, take "
        << fixed(results.payload_bytes, 0) << ".\n\n| contender | all | bookkeeping |\n|---|---:|---:|\n";
    for (const auto& use : results.memory)
        out << "| " << use.contender << " | " << fixed(use.bytes_per_entry, 0) << " | "
            << fixed(use.bookkeeping_per_entry, 0) << " |\n";
}

double median_of(const Column& column, double Sample::*field) {
    std::vector<double> values;
    for (const auto& sample : column.samples)
        values.push_back(sample.*field);
    return spread_of(std::move(values)).median;
}

} // namespace

void print_tables(const Results& results, std::ostream& out) {
    const auto rates = [&](std::set<Workload> workloads, const char* title) {
        print_columns(rows_of(results, workloads), title, out, rate);
    };
    rates({Workload::hits}, "Hits, million a second.");
    rates({Workload::mixed_95_5, Workload::mixed_50_50}, "Mixed, million operations a second.");
    print_columns(rows_of(results, {Workload::mixed_95_5, Workload::mixed_50_50}),
                  "Hit ratios of the mixed workloads, percent of gets.", out, [](const Column* column) {
                      return column ? fixed(100 * median_of(*column, &Sample::hit_ratio), 1) : "–";
                  });
    rates({Workload::put_existing, Workload::put_at_capacity, Workload::erase}, "Writes, million a second.");
    print_columns(rows_of(results, {Workload::hit_latency}), "Latency of a hit, ns: half are below / 99.9 % are below.",
                  out, [](const Column* column) {
                      return column ? fixed(median_of(*column, &Sample::p50_ns), 0) + " / " +
                                          fixed(median_of(*column, &Sample::p999_ns), 0)
                                    : "–";
                  });
    print_ratios(results, out);
    print_memory(results, out);
}

} // namespace tiercel::bench::peers
