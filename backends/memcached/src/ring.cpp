#include "ring.hpp"

#include "server_list.hpp"

namespace tiercel::memcached {

Result<void> add_server(memcached_st& client, const Server& server) {
    const auto added = is_unix_socket(server)
                           ? memcached_server_add_unix_socket_with_weight(&client, server.host.c_str(), server.weight)
                           : memcached_server_add_with_weight(&client, server.host.c_str(), server.port, server.weight);
    if (added == MEMCACHED_SUCCESS) return {};
    return Error(Errc::invalid_option,
                 "servers: libmemcached does not take " + address(server) + ": " + memcached_strerror(&client, added));
}

Result<Ring> Ring::create(const std::vector<Server>& servers) {
    MemcachedPtr client(memcached_create(nullptr));
    if (!client) return Error(Errc::invalid_option, "servers: libmemcached cannot be set up for lack of memory");
    memcached_behavior_set(client.get(), MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    for (const auto& server : servers) {
        const auto added = add_server(*client, server);
        if (!added) return added.error();
    }
    return Ring(std::move(client));
}

std::size_t Ring::server_of(BytesView key) const noexcept {
    return memcached_generate_hash(client_.get(), key.data(), key.size());
}

} // namespace tiercel::memcached
