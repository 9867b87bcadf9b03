#pragma once

#include "measurement.hpp"
#include "results.hpp"
#include "servers.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tiercel::bench::clients {

struct Contender {
    std::string name;
    /// Starts the servers that it needs.
    std::function<Sample(const Times&)> measure;
};

/// What several contenders are asked to do, and what is to come of it.
struct Case {
    std::string name; ///< e.g. "redis tcp GET 100 B, 8 callers"
    std::vector<Contender> contenders;
    std::vector<Comparison> comparisons;
};

/// All of them. `servers` must outlive them.
std::vector<Case> cases_over(Servers& servers);

} // namespace tiercel::bench::clients
