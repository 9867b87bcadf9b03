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

/// Those that the quick seeds notice, which a test asks for.
std::span<const PlantedBug> planted_bugs();

/// Those that the first hundred seeds did not show: rarer, or not to be seen from outside. No test asks for them; each
/// is to be found, replaced, or taken out.
std::span<const PlantedBug> elusive_bugs();

} // namespace tiercel::simulation
