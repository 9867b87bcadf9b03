#pragma once

#include "results.hpp"
#include "suite.hpp"

#include <ostream>

namespace tiercel::bench::peers {

/// Markdown: a table a workload, the ratios, latencies and memory.
void print_tables(const Results& results, std::ostream& out);

/// Everything, with each sample, as one JSON object.
void write_json(const Results& results, const Settings& settings, std::ostream& out);

} // namespace tiercel::bench::peers
