#pragma once

#include "load.hpp"
#include "measurement.hpp"

#include <cstddef>

/// hiredis, as it is used by those who have nothing else. Errors: std::runtime_error.
namespace tiercel::bench::clients::hiredis {

/// Stores a value of that size for each of the raw keys.
void fill(const RedisAddress& server, std::size_t value_bytes);

/// Callers that block, a connection each.
Sample a_connection_a_thread(const RedisAddress& server, const Load& load, Stretch& stretch);
/// Callers that block, with `connections` for all of them, taken in turn under a mutex.
Sample pool(const RedisAddress& server, const Load& load, std::size_t connections, Stretch& stretch);
/// One connection a thread; `depth` commands are written, then their replies read.
Sample pipelined(const RedisAddress& server, const Load& load, Stretch& stretch);
/// Callers that block, a connection each: one MGET of `batch_size` keys after the other.
Sample mget(const RedisAddress& server, const Load& load, Stretch& stretch);

} // namespace tiercel::bench::clients::hiredis
