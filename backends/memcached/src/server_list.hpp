#pragma once

#include <tiercel/memcached.hpp>

namespace tiercel::memcached {

/// The most servers that libmemcached can place keys on (it aborts the process beyond).
inline constexpr std::size_t max_servers = 100;

/// Reads "host, host:port, [v6]:port?weight=2, unix:///path". Errors: invalid_option quoting the entry.
Result<std::vector<Server>> parse_servers(std::string_view list);

/// Errors: invalid_option naming the server.
Result<void> check(const std::vector<Server>& servers);

/// "host:port", or the socket's path: for messages.
std::string address(const Server& server);
inline bool is_unix_socket(const Server& server) {
    return server.host.starts_with('/');
}

} // namespace tiercel::memcached
