#pragma once

#include <tiercel/result.hpp>

#include <string_view>

namespace tiercel::redis {

/// An error reply ("NOAUTH Authentication required.") as a typed error: what it means, what to do, and the server's
/// own words, cut short. `server` is the address's label.
Error to_error(std::string_view reply, std::string_view server);

} // namespace tiercel::redis
