#pragma once

#include "history.hpp"
#include "settings.hpp"

#include <tiercel/testing/virtual_runtime.hpp>

#include <cstdint>

namespace tiercel::simulation {

/// One run: the world of the settings, everything decided by the seed (and the order of what is ready by `chooser`, if
/// there is one). Takes milliseconds; the history has all that could be seen.
History simulate(const Settings& settings, std::uint64_t seed, testing::VirtualRuntime::Chooser chooser = {});

/// The world of the seed.
History simulate(std::uint64_t seed);

} // namespace tiercel::simulation
