#pragma once

#include "lab/policy_list.hpp"
#include "lab/trace.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tiercel::lab {

struct SimulationOptions {
    std::vector<LabPolicy> policies;
    std::vector<std::uint64_t> capacities; ///< in entries; in bytes when the trace has sizes
    std::uint32_t shards = 1;              ///< 0: as many as the library would make
    double sample = 1;                     ///< the part of keys to look at
    unsigned threads = 0;                  ///< 0: one a core
};

/// One policy at one size.
struct Outcome {
    std::string policy;
    std::uint64_t capacity = 0; ///< as asked for, whatever the sample
    double hit_ratio = 0;
    std::uint64_t requests = 0; ///< simulated: fewer than the trace has when sampled
    double seconds = 0;         ///< of one core, for these requests
};

/// Every policy at every size: by size in the order given, then by policy.
/// `on_progress` is told of requests done, from any thread, one call at a time not guaranteed; total_requests() of
/// them.
std::vector<Outcome> simulate(const Trace& trace, const SimulationOptions& options,
                              const std::function<void(std::size_t)>& on_progress = {});

/// How many requests on_progress will be told of, about.
std::uint64_t total_requests(const Trace& trace, const SimulationOptions& options);

} // namespace tiercel::lab
