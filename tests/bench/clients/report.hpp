#pragma once

#include "results.hpp"
#include "suite.hpp"

#include <ostream>
#include <vector>

namespace tiercel::bench::clients {

/// Markdown: how it was measured, what each contender did, then the comparisons with their aims.
void print_tables(const std::vector<Row>& rows, const Settings& settings, std::ostream& out);

/// Everything, with each sample, as one JSON object.
void write_json(const std::vector<Row>& rows, const Settings& settings, std::ostream& out);

} // namespace tiercel::bench::clients
