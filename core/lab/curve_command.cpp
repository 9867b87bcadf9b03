#include "lab/byte_sink.hpp"
#include "lab/chart.hpp"
#include "lab/chart_output.hpp"
#include "lab/commands.hpp"
#include "lab/failure.hpp"
#include "lab/lab_options.hpp"
#include "lab/miss_ratio_curve.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace tiercel::lab {
namespace {

constexpr unsigned most_points = 200;

struct CurveOptions : LabOptions {
    std::string trace;
    unsigned points = 20;
    ChartOutput output;
};

void draw_curve(const CurveOptions& options) {
    SimulationOptions simulation = simulation_of(options);
    const std::vector<CacheSize> sizes = sizes_of(options);
    if (options.points < 2 || options.points > most_points) throw UsageError("--points is 2 to 200 sizes");
    const Trace trace = read_with_progress(options.trace, options);
    simulation.capacities = sizes.empty() ? curve_sizes(trace, options.points) : resolved(sizes, trace);
    const auto outcomes = simulate_with_progress(trace, simulation);
    put_out(miss_ratio_chart(trace, simulation, outcomes), options.output);
}

} // namespace

void add_curve(CLI::App& lab) {
    auto& command = *lab.add_subcommand("curve", "draw the miss ratio of every policy over cache size");
    auto options = std::make_shared<CurveOptions>();
    options->policies = {"all"};
    command.add_option("--trace", options->trace, "a file of one request a line; -: standard input")->required();
    command
        .add_option("--size", options->sizes,
                    "sizes by comma; by default --points of them, from 0.1% of the keys to all of them")
        ->delimiter(',');
    command.add_option("--points", options->points, "how many sizes")->capture_default_str();
    add_simulation_options(command, *options);
    add_weigh_option(command, *options);
    add_chart_output(command, options->output);
    command.footer("tiercel-lab curve --trace web.trace.zst --policy lru,sieve,adaptive,belady --out web.svg");
    command.callback([options] { draw_curve(*options); });
}

} // namespace tiercel::lab
