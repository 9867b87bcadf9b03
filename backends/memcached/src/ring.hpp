#pragma once

#include <tiercel/memcached.hpp>
#include <tiercel/spi/bytes.hpp>

#include <libmemcached-1.0/memcached.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace tiercel::memcached {

struct FreeMemcached {
    void operator()(memcached_st* client) const noexcept { memcached_free(client); }
};
using MemcachedPtr = std::unique_ptr<memcached_st, FreeMemcached>;

/// Adds a server to a libmemcached client. Errors: invalid_option.
Result<void> add_server(memcached_st& client, const Server& server);

/// Which server a key lives on: libmemcached's weighted ketama with MD5, the same for every client set up like that.
/// Never connects.
/// Thread safety: const members may be called concurrently.
class Ring {
public:
    /// Errors: invalid_option.
    static Result<Ring> create(const std::vector<Server>& servers);

    std::size_t server_of(BytesView key) const noexcept;

private:
    explicit Ring(MemcachedPtr client) : client_(std::move(client)) {}
    MemcachedPtr client_;
};

} // namespace tiercel::memcached
