#include "meta_backend.hpp"
#include "server_list.hpp"
#include "transport/tls_context.hpp"

#include <tiercel/memcached.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tiercel::memcached {

namespace {

using std::chrono::milliseconds;

Error bad_option(std::string_view field, std::string_view advice) {
    return Error(Errc::invalid_option, "memcached::Options::" + std::string(field) + " " + std::string(advice));
}

transport::ConnectionLimits limits_of(const Options& options) {
    return {.connect_timeout = options.connect_timeout,
            .max_silence = options.max_silence,
            .reconnect_delay_min = options.reconnect_delay_min,
            .reconnect_delay_max = options.reconnect_delay_max,
            .max_pending_calls = options.max_pending_calls,
            .max_pending_bytes = options.max_pending_bytes,
            .connections = options.connections,
            .blocking_connections = options.blocking_connections};
}

Result<void> check(const Options& options) {
    if (auto checked = transport::check(limits_of(options), "memcached::Options"); !checked) return checked;
    if (options.max_value_bytes < 1 || options.max_value_bytes > (std::size_t{512} << 20)) {
        return bad_option("max_value_bytes", "is not from 1 B to 512 MiB");
    }
    if (options.max_pending_bytes < options.max_value_bytes + 1024) {
        return bad_option("max_pending_bytes", "is less than max_value_bytes and 1 KiB; the largest value could not be "
                                               "sent");
    }
    return {};
}

Result<void> check(const Gutter& gutter) {
    if (gutter.max_ttl < std::chrono::seconds(1) || gutter.max_ttl > std::chrono::minutes(5)) {
        return bad_option("gutter.max_ttl", "is not from 1 s to 5 min");
    }
    if (gutter.dead_after <= milliseconds::zero() || gutter.dead_after > std::chrono::hours(24)) {
        return bad_option("gutter.dead_after", "is not from 1 ms to a day");
    }
    return {};
}

transport::Endpoint endpoint_of(const Server& server, std::shared_ptr<const transport::TlsContext> tls) {
    transport::Endpoint endpoint;
    if (is_unix_socket(server)) {
        endpoint.socket_path = server.host;
    } else {
        endpoint.host = server.host;
        endpoint.port = server.port;
        endpoint.tls = std::move(tls);
    }
    return endpoint;
}

/// `dead_after`: for servers behind which there is a gutter.
Result<ServerGroup> make_group(spi::Runtime& runtime, const std::vector<Server>& servers, const Options& options,
                               const std::shared_ptr<const transport::TlsContext>& tls,
                               std::optional<milliseconds> dead_after) {
    auto ring = Ring::create(servers);
    if (!ring) return ring.error();
    ServerGroup group{std::move(*ring), {}};
    for (const auto& server : servers) {
        group.servers.push_back(std::make_shared<PoolServer>(runtime, endpoint_of(server, tls), limits_of(options),
                                                             options.max_value_bytes, dead_after));
    }
    return group;
}

Result<std::vector<Server>> gutter_servers(const Gutter& gutter, const std::vector<Server>& owners) {
    auto servers = parse_servers(gutter.servers);
    if (servers) {
        if (auto checked = check(*servers); !checked) servers = checked.error();
    }
    if (!servers) return Error(Errc::invalid_option, "memcached::Options::gutter." + servers.error().message());
    for (const auto& server : *servers) {
        const bool is_owner = std::any_of(owners.begin(), owners.end(),
                                          [&](const Server& owner) { return address(owner) == address(server); });
        if (is_owner) {
            return bad_option("gutter.servers", "name " + address(server) +
                                                    ", which is in the pool itself; a dead "
                                                    "server cannot stand in for itself");
        }
    }
    return servers;
}

} // namespace

Result<std::shared_ptr<spi::Backend>> connect(const std::vector<Server>& servers, const Options& options) {
    if (auto checked = check(servers); !checked) return checked.error();
    if (auto checked = check(options); !checked) return checked.error();
    std::vector<Server> standing_in;
    if (options.gutter) {
        if (auto checked = check(*options.gutter); !checked) return checked.error();
        auto parsed = gutter_servers(*options.gutter, servers);
        if (!parsed) return parsed.error();
        standing_in = std::move(*parsed);
    }
    std::shared_ptr<const transport::TlsContext> tls;
    if (options.tls) {
        if (std::any_of(servers.begin(), servers.end(), is_unix_socket) ||
            std::any_of(standing_in.begin(), standing_in.end(), is_unix_socket)) {
            return bad_option("tls", "is given, and there is a unix socket among the servers, which needs none; leave "
                                     "one of them out");
        }
        auto context = transport::TlsContext::create(*options.tls, "memcached::Options::tls");
        if (!context) return context.error();
        tls = std::move(*context);
    }
    auto runtime = options.runtime ? options.runtime : spi::default_runtime();
    const auto dead_after = options.gutter ? std::optional(options.gutter->dead_after) : std::nullopt;
    auto owners = make_group(*runtime, servers, options, tls, dead_after);
    if (!owners) return owners.error();
    std::optional<ServerGroup> gutter;
    if (options.gutter) {
        auto group = make_group(*runtime, standing_in, options, tls, std::nullopt);
        if (!group) return group.error();
        gutter = std::move(*group);
    }
    const auto gutter_ttl = options.gutter ? options.gutter->max_ttl : milliseconds::zero();
    auto pool = std::make_shared<Pool>(std::move(runtime), std::move(*owners), std::move(gutter), gutter_ttl,
                                       options.max_pending_bytes);
    return std::make_shared<MetaBackend>(std::move(pool), options.max_value_bytes);
}

Result<std::shared_ptr<spi::Backend>> connect(std::string_view servers, const Options& options) {
    auto parsed = parse_servers(servers);
    if (!parsed) return parsed.error();
    return connect(*parsed, options);
}

} // namespace tiercel::memcached
