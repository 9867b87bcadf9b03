#pragma once

#include <tiercel/spi/bytes.hpp>

#include <vector>

namespace tiercel::transport {

/// One reply of a server, owned. Kinds are those of RESP2.
struct Reply {
    enum class Kind : unsigned char { nil, status, error, integer, bulk, array };

    Kind kind = Kind::nil;
    long long integer = 0;       ///< of an integer
    Bytes text;                  ///< of a status, an error or a bulk
    std::vector<Reply> elements; ///< of an array
};

} // namespace tiercel::transport
