// The Redis and Memcached clients under tiercel beside others, over real servers on loopback, in turns.

#include "keep_awake.hpp"
#include "report.hpp"
#include "suite.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>

int main(int argc, char** argv) {
    using namespace tiercel::bench::clients;

    Settings settings;
    std::string json;
    double seconds = std::chrono::duration<double>(settings.times.measured).count();
    CLI::App app("Compares tiercel's Redis and Memcached clients with others: real servers on loopback, in turns.");
    app.add_option("--json", json, "File to write all samples to");
    app.add_option("--filter", settings.filter,
                   "Only what has this regular expression in its name, e.g. 'redis tcp GET 100 B, 8', ': tiercel', "
                   "'in flight', 'memcached'");
    app.add_option("--repetitions", settings.repetitions, "Measurements of each contender in each case")
        ->check(CLI::Range(1, 1'000))
        ->capture_default_str();
    app.add_option("--seconds", seconds, "Length of a measurement")
        ->check(CLI::Range(0.001, 60.0))
        ->capture_default_str();
    app.add_option("--seed", settings.seed, "For the order of turns")->capture_default_str();
    app.add_flag("--keep-awake", settings.keep_awake,
                 "Keeps idle processors busy at the lowest priority: for virtual machines that wake up slowly");
    CLI11_PARSE(app, argc, argv);

    try {
        std::optional<KeepAwake> busy;
        if (settings.keep_awake) busy.emplace();
        settings.times.measured = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
        settings.times.warm_up = std::max(settings.times.warm_up, settings.times.measured / 5);
        const auto rows = run_suite(settings);
        print_tables(rows, settings, std::cout);
        if (!json.empty()) {
            std::ofstream file(json);
            write_json(rows, settings, file);
            if (!file.flush()) throw std::runtime_error("cannot write " + json);
        }
    } catch (const std::exception& error) {
        std::cerr << "bench_clients: " << error.what() << '\n';
        return 1;
    }
}
