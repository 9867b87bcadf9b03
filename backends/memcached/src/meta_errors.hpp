#pragma once

#include <tiercel/result.hpp>

#include <string_view>

namespace tiercel::memcached {

/// An error line of a server ("SERVER_ERROR out of memory storing object") as a typed error: what it means, what to do,
/// and the server's own words, cut short. `server` is its label.
Error to_error(std::string_view line, std::string_view server);

/// An answer that makes no sense for the request.
Error unexpected(std::string_view server);

} // namespace tiercel::memcached
