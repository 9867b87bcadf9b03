#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::bench::clients {

enum class Operation : unsigned char { get, set };

/// What a contender is to do.
struct Load {
    Operation operation = Operation::get;
    std::size_t value_bytes = 100; ///< at the server
    unsigned threads = 1;          ///< callers that block, or threads that turn an event loop
};

inline constexpr std::size_t key_count = 4'096;
inline constexpr std::size_t batch_size = 100;
/// What is in flight where nobody blocks.
inline constexpr std::size_t depth = 256;

/// Those of tiercel's backends, whose values may have a few bytes of their own, and those of everybody else; the latter
/// are redis-benchmark's (-r). 16 bytes each.
const std::vector<std::string>& our_keys();
const std::vector<std::string>& raw_keys();

/// Where a caller begins in the keys, that they do not walk in step.
constexpr std::size_t start_of(std::size_t caller) {
    return caller * 1'237;
}

/// Where a Redis listens: the unix socket, if there is one, otherwise the port on 127.0.0.1.
struct RedisAddress {
    std::string unix_socket = {};
    std::uint16_t port = 0;
};

} // namespace tiercel::bench::clients
