#include "lab/commands.hpp"
#include "lab/lab_options.hpp"
#include "lab/outcome_formats.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <utility>

namespace tiercel::lab {
namespace {

struct SimulateOptions : LabOptions {
    Format format = Format::table;
};

void simulate_traces(const SimulateOptions& options) {
    SimulationOptions simulation = simulation_of(options);
    const std::vector<CacheSize> sizes = sizes_of(options);
    OutcomeWriter writer(options.format);
    std::string pending = writer.begin(); // nothing is printed before the first trace is known to be good
    for (const auto& path : options.traces) {
        const Trace trace = read_with_progress(path, options);
        simulation.capacities = resolved(sizes, trace);
        print(std::exchange(pending, {}) + writer.of(trace, simulation, simulate_with_progress(trace, simulation)));
    }
    print(writer.end());
}

} // namespace

void add_simulate(CLI::App& lab) {
    auto& command = *lab.add_subcommand("simulate", "print the hit ratio of policies at sizes over traces");
    auto options = std::make_shared<SimulateOptions>();
    command
        .add_option("--trace", options->traces, "files of one request a line, plain, gzip or zstd; -: standard input")
        ->required();
    command
        .add_option("--size", options->sizes, "sizes by comma: entries (1000), parts of the keys (10%); see --weigh")
        ->required()
        ->delimiter(',');
    add_simulation_options(command, *options);
    command.get_option("--policy")->required();
    add_weigh_option(command, *options);
    const std::map<std::string, Format> formats{{"table", Format::table}, {"csv", Format::csv}, {"json", Format::json}};
    command.add_option("--format", options->format, "table, csv or json")
        ->transform(CLI::Transformer(formats).description(""))
        ->type_name("FORMAT");
    command.footer("tiercel-lab simulate --trace web.trace.zst --policy lru,sieve,belady --size 1000,1%,10%");
    command.callback([options] { simulate_traces(*options); });
}

} // namespace tiercel::lab
