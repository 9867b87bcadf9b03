#include "lab/chart_output.hpp"
#include "lab/commands.hpp"
#include "lab/comparison.hpp"
#include "lab/failure.hpp"
#include "lab/lab_options.hpp"
#include "lab/trace_reader.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace tiercel::lab {
namespace {

struct CompareOptions : LabOptions {
    std::string trace;
    std::string sequence;
    std::string size;
    ChartOutput output;
};

void compare_policies(const CompareOptions& options) {
    SimulationOptions simulation = simulation_of(options);
    const CacheSize size(options.size);
    if (!options.sequence.empty() && options.weigh)
        throw UsageError("a --sequence has no sizes to weigh; give a --trace with sizes, or leave --weigh out");
    const Trace trace = options.trace.empty() ? trace_of_words(options.sequence, options.seed)
                                              : read_with_progress(options.trace, options);
    simulation.capacities = {size.of(trace)};
    put_out(comparison_of(trace, simulation, simulate_with_progress(trace, simulation)), options.output);
}

} // namespace

void add_compare(CLI::App& lab) {
    auto& command = *lab.add_subcommand("compare", "draw the hit ratio of each policy on one sequence as bars");
    auto options = std::make_shared<CompareOptions>();
    options->policies = {"all"};
    auto& source = *command.add_option_group("requests");
    source.add_option("--trace", options->trace, "a file of one request a line; -: standard input");
    source.add_option("--sequence", options->sequence, "the requests themselves: keys between blanks");
    source.require_option(1);
    command.add_option("--size", options->size, "one size: entries (3), or a part of the keys (10%)")->required();
    add_simulation_options(command, *options);
    add_weigh_option(command, *options);
    add_chart_output(command, options->output);
    command.footer("tiercel-lab compare --sequence \"a b c a d a b e a b\" --size 3 --out textbook.svg");
    command.callback([options] { compare_policies(*options); });
}

} // namespace tiercel::lab
