#include "transport/connection_limits.hpp"

#include <string>

namespace tiercel::transport {

Result<void> check(const ConnectionLimits& limits, std::string_view options) {
    using std::chrono::milliseconds;
    const auto bad = [&](std::string_view field, std::string_view advice) {
        return Error(Errc::invalid_option,
                     std::string(options) + "::" + std::string(field) + " " + std::string(advice));
    };
    const auto zero = milliseconds::zero();
    const milliseconds longest = std::chrono::hours(24); // far from where the clock's arithmetic ends
    if (limits.connect_timeout <= zero) return bad("connect_timeout", "is not positive; the default is 1 s");
    if (limits.connect_timeout > longest) return bad("connect_timeout", "is over a day");
    if (limits.max_silence <= zero) return bad("max_silence", "is not positive; the default is 2 s");
    if (limits.max_silence > longest) return bad("max_silence", "is over a day");
    if (limits.reconnect_delay_max > longest) return bad("reconnect_delay_max", "is over a day");
    if (limits.reconnect_delay_min <= zero) return bad("reconnect_delay_min", "is not positive");
    if (limits.reconnect_delay_max < limits.reconnect_delay_min) {
        return bad("reconnect_delay_max", "is less than reconnect_delay_min; raise it");
    }
    if (limits.connections < 1 || limits.connections > 64) return bad("connections", "is not from 1 to 64");
    if (limits.blocking_connections > 64) return bad("blocking_connections", "is over 64");
    if (limits.max_pending_calls == 0) return bad("max_pending_calls", "is 0; every call would be refused");
    return {};
}

} // namespace tiercel::transport
