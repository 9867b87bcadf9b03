#pragma once

#include "lab/simulation.hpp"
#include "lab/trace.hpp"

#include <string>
#include <vector>

namespace tiercel::lab {

enum class Format : unsigned char { table, csv, json };

/// Writes outcomes of traces, one trace after the other: begin(), of() each trace, end(). Gives text, prints nothing.
/// csv: `trace,cache_size,policy,hit_ratio,requests,seconds`, a row an outcome. json: one array of objects with these
/// fields. table: for people, a column a policy and a row a size, hit ratios in percent.
class OutcomeWriter {
public:
    explicit OutcomeWriter(Format format) : format_(format) {}

    std::string begin() const;
    std::string of(const Trace& trace, const SimulationOptions& options, const std::vector<Outcome>& outcomes);
    std::string end() const;

private:
    Format format_;
    bool first_ = true;
};

} // namespace tiercel::lab
