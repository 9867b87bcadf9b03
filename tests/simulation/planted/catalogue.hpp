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

/// Those that the quick seeds notice. What takes an order that worlds rarely have is noticed by a scenario:
/// abandoned_flight_is_joined, lease_brings_back_the_erased (exhaustive/).
std::span<const PlantedBug> planted_bugs();

} // namespace tiercel::simulation
