#pragma once

#include "lab/chart.hpp"
#include "lab/simulation.hpp"
#include "lab/trace.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::lab {

/// From a thousandth of the trace's keys (of their bytes) to all of them, each about the same factor above the one
/// before; at least 1.
std::vector<std::uint64_t> curve_sizes(const Trace& trace, unsigned points);

/// The picture of what simulate() found; the sizes are sorted.
CurveChart miss_ratio_chart(const Trace& trace, const SimulationOptions& options, const std::vector<Outcome>& outcomes);

/// "95,607 requests, 13,756 keys", and what of them was simulated.
std::string description_of(const Trace& trace, double sample);

} // namespace tiercel::lab
