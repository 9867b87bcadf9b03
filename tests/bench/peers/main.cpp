// tiercel's memory tier beside other in-process caches: same process, same workload, in turns.

#include "memory_use.hpp"
#include "report.hpp"
#include "suite.hpp"

#include <tiercel/eviction.hpp>

#include <CLI/CLI.hpp>

#include <exception>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
    using namespace tiercel::bench::peers;

    Settings settings;
    std::string json, memory_of;
    double seconds = 0.3;
    bool quick = false;
    CLI::App app("Compares tiercel's memory tier with other in-process caches: same process, same workload, in turns.");
    app.add_option("--json", json, "File to write all samples to");
    app.add_option(
        "--filter", settings.filter,
        "Only what has this regular expression in its name, e.g. '64-bit 65536 hits x2', ': tiercel', 'memory'");
    app.add_option("--repetitions", settings.repetitions, "Measurements of each contender in each case")
        ->check(CLI::Range(1, 1'000))
        ->capture_default_str();
    app.add_option("--seconds", seconds, "Length of a measurement")
        ->check(CLI::Range(0.001, 60.0))
        ->capture_default_str();
    app.add_option("--seed", settings.seed, "For the keys and the order of turns")->capture_default_str();
    app.add_option("--policies", settings.policies, "tiercel once more with each of these eviction policies")
        ->delimiter(',')
        ->check([](const std::string& name) {
            return tiercel::eviction::named(name) ? std::string() : "no such policy: " + name;
        });
    app.add_flag("--quick", quick, "A smoke run: the smaller capacity, once, briefly, no memory; proves nothing");
    app.add_option(memory_of_option, memory_of)->group("");
    CLI11_PARSE(app, argc, argv);

    try {
        if (!memory_of.empty()) return measure_memory_of(memory_of);
        if (quick) {
            settings.capacities.resize(1);
            settings.repetitions = 1;
            settings.draws >>= 4;
            seconds = 0.02;
        }
        settings.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
        auto results = run_suite(settings);
        if (!quick) measure_memory(settings.filter, results);
        print_tables(results, std::cout);
        if (!json.empty()) {
            std::ofstream file(json);
            write_json(results, settings, file);
            if (!file.flush()) throw std::runtime_error("cannot write " + json);
        }
    } catch (const std::exception& error) {
        std::cerr << "bench_peers: " << error.what() << '\n';
        return 1;
    }
}
