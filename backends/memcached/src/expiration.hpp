#pragma once

#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <ctime>
#include <optional>

namespace tiercel::memcached {

/// What memcached is to be told so that an item lives at least `ttl` (positive) from `now`, and less than two seconds
/// longer; 0 for no ttl, which is memcached's own word for "does not expire".
///
/// memcached counts in whole seconds of its own, so an item told to live n seconds lives n-1 to n: hence one second
/// more than the ttl rounded up. Beyond 30 days the number is a point in unix time, which trusts that the server's
/// clock is right, and which ends in January 2038: later ends are cut to that.
std::time_t expiration(std::optional<std::chrono::milliseconds> ttl, SystemTime now);

} // namespace tiercel::memcached
