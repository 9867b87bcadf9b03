#include "expiration.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tiercel::memcached {

std::time_t expiration(std::optional<std::chrono::milliseconds> ttl, SystemTime now) {
    using std::chrono::seconds;
    constexpr seconds longest_relative = std::chrono::days(30);
    constexpr seconds last_moment{std::numeric_limits<std::int32_t>::max()};
    if (!ttl) return 0;
    const seconds life = std::chrono::ceil<seconds>(*ttl) + seconds(1);
    if (life <= longest_relative) return life.count();
    if (life >= last_moment) return last_moment.count();
    return std::min(std::chrono::ceil<seconds>(now.time_since_epoch()) + life, last_moment).count();
}

} // namespace tiercel::memcached
