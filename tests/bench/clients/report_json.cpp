#include "report.hpp"

#include <boost/json/src.hpp>

#include <string>
#include <thread>

namespace tiercel::bench::clients {
namespace {

namespace json = boost::json;

json::array json_of(const std::vector<double>& values) {
    return json::array(values.begin(), values.end());
}

json::object json_of(const Column& column) {
    json::object object = {
        {"contender", column.contender},
        {"operations_per_second", json_of(column.all(&Sample::per_second))},
        {"client_cpu_ns_per_operation", json_of(column.all(&Sample::client_ns))},
        {"server_cpu_ns_per_operation", json_of(column.all(&Sample::server_ns))},
    };
    if (column.has_latencies()) {
        object["p50_ns"] = json_of(column.all(&Sample::p50_ns));
        object["p99_ns"] = json_of(column.all(&Sample::p99_ns));
    }
    return object;
}

json::object json_of(const Row& row, const Comparison& comparison) {
    const auto ratio = row.ratio(comparison);
    json::object object = {
        {"figure", std::string(name_of(comparison.figure))},
        {"contender", comparison.contender},
        {"reference", comparison.reference},
        {"ratio", json::object{{"median", ratio.median}, {"min", ratio.min}, {"max", ratio.max}}},
    };
    if (comparison.aim) {
        object["aim"] = *comparison.aim;
        object["met"] = comparison.met_by(ratio.median);
    }
    return object;
}

} // namespace

void write_json(const std::vector<Row>& rows, const Settings& settings, std::ostream& out) {
    json::array cases;
    for (const auto& row : rows) {
        json::array contenders, comparisons;
        for (const auto& column : row.columns)
            contenders.push_back(json_of(column));
        for (const auto& comparison : row.comparisons)
            comparisons.push_back(json_of(row, comparison));
        cases.push_back(json::object{{"case", row.name}, {"contenders", contenders}, {"comparisons", comparisons}});
    }
    out << json::object{
               {"processors", std::thread::hardware_concurrency()},
               {"repetitions", settings.repetitions},
               {"seconds_each", std::chrono::duration<double>(settings.times.measured).count()},
               {"seed", settings.seed},
               {"keep_awake", settings.keep_awake},
               {"cases", cases},
           }
        << '\n';
}

} // namespace tiercel::bench::clients
