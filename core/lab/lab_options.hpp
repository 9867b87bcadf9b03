#pragma once

#include "lab/cache_size.hpp"
#include "lab/simulation.hpp"
#include "lab/trace.hpp"

#include <CLI/App.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::lab {

/// The options that the commands share, as given.
struct LabOptions {
    std::vector<std::string> traces;
    std::vector<std::string> policies;
    std::vector<std::string> sizes;
    std::uint64_t seed = 0;
    std::uint32_t shards = 1;
    double sample = 1;
    bool weigh = false;
    unsigned threads = 0;
};

/// --policy --seed --shards --sample --threads
void add_simulation_options(CLI::App& command, LabOptions& options);
/// --weigh
void add_weigh_option(CLI::App& command, LabOptions& options);

/// Sizes as given. Throws UsageError.
std::vector<CacheSize> sizes_of(const LabOptions& options);
/// All but the capacities. Throws UsageError.
SimulationOptions simulation_of(const LabOptions& options);

/// These show a progress bar.
Trace read_with_progress(const std::string& path, const LabOptions& options);
std::vector<Outcome> simulate_with_progress(const Trace& trace, const SimulationOptions& options);

/// To standard output, at once. Throws Failure when it cannot be written.
void print(std::string_view text);
bool prints_to_terminal() noexcept;
/// How many columns the terminal has; 80 where there is none.
std::size_t terminal_width() noexcept;

} // namespace tiercel::lab
