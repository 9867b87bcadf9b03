#include "report.hpp"

#include <boost/json/src.hpp>

#include <string>
#include <thread>

namespace tiercel::bench::peers {
namespace {

namespace json = boost::json;

json::object json_of(const Spread& spread) {
    return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

json::object json_of(const Column& column, Workload workload) {
    json::array rates, hit_ratios, p50, p999;
    for (const auto& sample : column.samples) {
        rates.push_back(sample.per_second);
        hit_ratios.push_back(sample.hit_ratio);
        p50.push_back(sample.p50_ns);
        p999.push_back(sample.p999_ns);
    }
    json::object object = {
        {"contender", column.contender},
        {"evicts", column.role != Role::limit},
        {"operations_per_second", json_of(rate_of(column))},
        {"samples", rates},
        {"hit_ratios", hit_ratios},
    };
    if (workload == Workload::hit_latency) {
        object["p50_ns"] = p50;
        object["p99_9_ns"] = p999;
    }
    return object;
}

/// Each against tiercel, and tiercel against each that is not tiercel's.
json::object ratios_of(const Row& row) {
    json::object ratios;
    const auto* const ours = row.find(Role::tiercel);
    if (!ours) return ratios;
    for (const auto& column : row.columns) {
        if (column.role == Role::peer || column.role == Role::limit)
            ratios["tiercel / " + column.contender] = json_of(ratio_of(*ours, column));
        else if (&column != ours)
            ratios[column.contender + " / tiercel"] = json_of(ratio_of(column, *ours));
    }
    if (const auto* const best = row.best_peer()) {
        ratios["tiercel / best that evicts"] = json_of(ratio_of(*ours, *best));
        ratios["best that evicts"] = best->contender;
    }
    return ratios;
}

} // namespace

void write_json(const Results& results, const Settings& settings, std::ostream& out) {
    json::array rows;
    for (const auto& row : results.rows) {
        json::array columns;
        for (const auto& column : row.columns)
            columns.push_back(json_of(column, row.what.workload));
        rows.push_back(json::object{
            {"keys", row.what.keys},
            {"capacity", row.what.capacity},
            {"workload", std::string(name_of(row.what.workload))},
            {"threads", row.what.threads},
            {"contenders", columns},
            {"ratios", ratios_of(row)},
        });
    }
    json::array memory;
    for (const auto& use : results.memory) {
        memory.push_back(json::object{{"contender", use.contender},
                                      {"bytes_per_entry", use.bytes_per_entry},
                                      {"bookkeeping_per_entry", use.bookkeeping_per_entry}});
    }
    out << json::object{
               {"processors", std::thread::hardware_concurrency()},
               {"repetitions", settings.repetitions},
               {"seconds_each", std::chrono::duration<double>(settings.duration).count()},
               {"seed", settings.seed},
               {"cases", rows},
               {"payload_bytes_per_entry", results.payload_bytes},
               {"memory", memory},
           }
        << '\n';
}

} // namespace tiercel::bench::peers
