// N processes with caches over a real server, under faults that follow from a seed; every read is judged: see
// README.md.

#include "client.hpp"
#include "fault_deck.hpp"
#include "leader.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <map>
#include <string>

int main(int argc, char** argv) {
    using namespace tiercel::chaos;

    const std::map<std::string, ServerKind> servers{{"redis", ServerKind::redis}, {"memcached", ServerKind::memcached}};
    const std::map<std::string, Plant> plants{
        {"wrong-value", Plant::wrong_value}, {"stale", Plant::stale}, {"stuck", Plant::stuck}};

    Run run;
    std::string server = "redis", plant;
    bool list = false;
    std::string board;
    std::uint32_t place = 0;
    CLI::App app(
        "Processes with caches over a real server, under faults that follow from a seed; every read is judged. "
        "Ends with 0 if nothing happened that must not, else with 1.");
    app.add_option("--server", server)->check(CLI::IsMember(servers))->capture_default_str();
    app.add_option("--seed", run.seed, "Decides on the caches' options, the faults, and each thread's calls")
        ->capture_default_str();
    auto* seconds = app.add_option("--seconds", run.seconds, "How long it goes on")
                        ->check(CLI::Range(0.1, 1e6))
                        ->capture_default_str();
    app.add_option("--operations", run.operations, "How many calls of the caches it makes instead")->excludes(seconds);
    app.add_option("--processes", run.processes, "Clients; every other one is behind a faulty proxy")
        ->check(CLI::Range(1U, most_processes))
        ->capture_default_str();
    app.add_option("--threads", run.threads, "Of each client")
        ->check(CLI::Range(1U, most_threads))
        ->capture_default_str();
    app.add_option("--keys", run.keys, "Of each of a client's caches")
        ->check(CLI::Range(8U, most_keys))
        ->capture_default_str();
    app.add_option("--margin-ms", run.margin_ms, "What an overloaded machine may add to every time that is judged")
        ->check(CLI::Range(1U, 3'600'000U))
        ->capture_default_str();
    app.add_flag("--list-faults", list, "What may happen, and end");
    app.add_option("--plant", plant)->check(CLI::IsMember(plants))->group("");
    app.add_option("--board", board)->group("");
    app.add_option("--place", place)->group("");
    CLI11_PARSE(app, argc, argv);
    run.server = servers.at(server);
    if (!plant.empty()) run.plant = plants.at(plant);

    try {
        if (!board.empty()) return run_client(open_board(board), place);
        if (list) {
            for (std::size_t i = 0; i < fault_kind_count; ++i) {
                const auto kind = static_cast<FaultKind>(i);
                std::printf("%-14s %s\n", to_string(kind).data(), description_of(kind).data());
            }
            return 0;
        }
        std::printf("%s\n", replay_of(run).c_str());
        const auto outcome = lead(run);
        std::printf("\n%s\n%s: to have the same faults again: %s\n", to_text(outcome).c_str(),
                    outcome.good() ? "good" : "NOT GOOD", replay_of(run).c_str());
        return outcome.good() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tiercel_chaos: %s\n", error.what());
        return 1;
    }
}
