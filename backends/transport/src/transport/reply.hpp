#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstdint>
#include <limits>
#include <vector>

namespace tiercel::transport {

/// One reply of a server, owned. The kinds are RESP2's; what else stands here is memcached's.
struct Reply {
    enum class Kind : unsigned char { nil, status, error, integer, bulk, array };

    Kind kind = Kind::nil;
    bool won = false;            ///< W: the caller is the one to renew the item
    bool stale = false;          ///< X: the item was marked stale
    bool won_before = false;     ///< Z: somebody else was told to renew it
    std::uint32_t tag = 0;       ///< of the request that this answers, where the protocol has such; 0: not told
    std::int32_t ttl = not_told; ///< of the item, seconds; negative: it does not expire
    std::uint32_t flags = 0;     ///< of the item, its writer's own
    long long integer = 0;       ///< of an integer; of an item, its version
    Bytes text;                  ///< of a status, an error or a bulk
    std::vector<Reply> elements; ///< of an array

    static constexpr std::int32_t not_told = std::numeric_limits<std::int32_t>::min();

    bool operator==(const Reply&) const = default;
};

} // namespace tiercel::transport
