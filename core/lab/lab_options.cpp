#include "lab/lab_options.hpp"

#include "lab/failure.hpp"
#include "lab/progress_bar.hpp"
#include "lab/trace_reader.hpp"

#include <CLI/CLI.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tiercel::lab {
namespace {

constexpr std::uint32_t most_shards = 65536;

} // namespace

void add_simulation_options(CLI::App& command, LabOptions& options) {
    command
        .add_option("--policy", options.policies,
                    "policies, by name and comma; all: those of the library, and belady, the offline optimum")
        ->delimiter(',');
    command.add_option("--seed", options.seed, "salts the hashes of keys: other shards, sketches and samples")
        ->capture_default_str();
    command
        .add_option("--shards", options.shards,
                    "1: exact; a power of two; 0: as many as the library would make (its real layout)")
        ->capture_default_str();
    command
        .add_option("--sample", options.sample,
                    "the part of keys to simulate, above 0 to 1: 0.1 is about ten times faster, mostly within a point "
                    "(lfu and mru run in full: they cannot be scaled down)")
        ->capture_default_str();
    command.add_option("--threads", options.threads, "simulations at a time; 0: one a core")->capture_default_str();
}

void add_weigh_option(CLI::App& command, LabOptions& options) {
    command.add_flag("--weigh", options.weigh,
                     "count bytes, not entries: the trace has a size on each line, and sizes are bytes");
}

std::vector<CacheSize> sizes_of(const LabOptions& options) {
    std::vector<CacheSize> sizes;
    for (const auto& size : options.sizes)
        sizes.emplace_back(size);
    return sizes;
}

SimulationOptions simulation_of(const LabOptions& options) {
    if (!(options.sample > 0 && options.sample <= 1))
        throw UsageError("--sample is the part of keys to simulate: above 0, at most 1");
    if (options.shards != 0 && (!std::has_single_bit(options.shards) || options.shards > most_shards))
        throw UsageError("--shards is a power of two, at most 65536, or 0 for the library's own choice");
    SimulationOptions simulation;
    simulation.policies = policies_named(options.policies);
    simulation.shards = options.shards;
    simulation.sample = options.sample;
    simulation.threads = options.threads;
    return simulation;
}

Trace read_with_progress(const std::string& path, const LabOptions& options) {
    constexpr double steps = 1000;
    ProgressBar bar("reading " + trace_name(path), static_cast<std::uint64_t>(steps));
    return read_trace(path, {.weigh = options.weigh, .seed = options.seed, .on_progress = [&](double done) {
                                 bar.set(static_cast<std::uint64_t>(done * steps));
                             }});
}

std::vector<Outcome> simulate_with_progress(const Trace& trace, const SimulationOptions& options) {
    ProgressBar bar(trace.name, total_requests(trace, options));
    return simulate(trace, options, [&](std::size_t requests) { bar.add(requests); });
}

void print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw Failure(std::string("cannot write to standard output: ") + std::strerror(errno));
}

bool prints_to_terminal() noexcept {
    return ::isatty(STDOUT_FILENO) == 1;
}

std::size_t terminal_width() noexcept {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

} // namespace tiercel::lab
