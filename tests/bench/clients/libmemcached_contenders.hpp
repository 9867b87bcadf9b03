#pragma once

#include "load.hpp"
#include "measurement.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

/// libmemcached over its text protocol, with TCP_NODELAY. Errors: std::runtime_error.
namespace tiercel::bench::clients::libmemcached {

/// The unix socket, if there is one, otherwise the port on 127.0.0.1.
struct Address {
    std::string unix_socket = {};
    std::uint16_t port = 0;
};

/// Stores a value of that size for each of the raw keys.
void fill(const Address& server, std::size_t value_bytes);

/// Callers that block, a client, and so a connection, each.
Sample a_client_a_thread(const Address& server, const Load& load, Stretch& stretch);
/// Callers that block, with a memcached_pool_st of that many clients for all of them.
Sample pool(const Address& server, const Load& load, std::uint32_t clients, Stretch& stretch);
/// Callers that block, a client each: memcached_mget of `batch_size` keys and the fetching of their values.
Sample mget(const Address& server, const Load& load, Stretch& stretch);

} // namespace tiercel::bench::clients::libmemcached
