#pragma once

#include "planted_bug.hpp"

#include <span>
#include <string_view>

namespace tiercel::simulation {

/// One mistake of core/src/planted_bug.hpp, and what it breaks.
struct PlantedBug {
    Bug bug;
    std::string_view name;
    std::string_view what; ///< the mistake, as one would tell it
};

/// All of them; the quick seeds, or a scenario of the exhaustive ones, notice each.
std::span<const PlantedBug> planted_bugs();

} // namespace tiercel::simulation
