#pragma once

#include <tiercel/detail/engine.hpp>

#include <optional>

namespace tiercel::detail {

/// The first field that is out of range or contradicts another, with what to do about it; empty if all is well.
std::optional<Error> check_options(const EngineOptions& options);

} // namespace tiercel::detail
