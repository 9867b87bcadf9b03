#pragma once

#include "lab/chart.hpp"
#include "lab/simulation.hpp"
#include "lab/trace.hpp"

#include <cstddef>
#include <vector>

namespace tiercel::lab {

/// Sequences of at most so many requests are shown with what hit and what missed.
inline constexpr std::size_t longest_shown_sequence = 40;

/// The hit ratio of every policy at the one size of `options`, best first; Belady last.
/// `outcomes` is what simulate() found; short sequences are run once more to see which requests hit.
BarChart comparison_of(const Trace& trace, const SimulationOptions& options, const std::vector<Outcome>& outcomes);

} // namespace tiercel::lab
