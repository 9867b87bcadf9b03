#pragma once

#include <tiercel/result.hpp>

#include <chrono>
#include <cstddef>
#include <string_view>

namespace tiercel::transport {

/// What the public options say of connections, under the same names; each is for one connection but the last two.
struct ConnectionLimits {
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds max_silence{};
    std::chrono::milliseconds reconnect_delay_min{};
    std::chrono::milliseconds reconnect_delay_max{};
    std::size_t max_pending_calls = 0;
    std::size_t max_pending_bytes = 0;
    std::size_t connections = 0;          ///< to each server, for callers that do not block
    std::size_t blocking_connections = 4; ///< at most, to each server, for those that do
};

/// Errors: invalid_option for what is out of range; `options` begins the field's name: "redis::Options".
Result<void> check(const ConnectionLimits& limits, std::string_view options);

} // namespace tiercel::transport
