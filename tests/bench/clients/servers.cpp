#include "servers.hpp"

#include "hiredis_contenders.hpp"
#include "tiercel_contenders.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/redis.hpp>

namespace tiercel::bench::clients {

test::RedisServer& Servers::redis(std::size_t value_bytes) {
    auto& server = redis_[value_bytes];
    if (!server) {
        server = std::make_unique<test::RedisServer>(test::ServerOptions{.unix_socket = true});
        hiredis::fill(address_of(*server, Wire::unix_socket), value_bytes);
        ours::fill([&] { return redis::connect(server->url()); }, given_to_redis(value_bytes));
    }
    return *server;
}

test::RedisServer& Servers::redis_tls(std::size_t value_bytes) {
    auto& server = redis_tls_[value_bytes];
    if (!server) {
        auto& issued = certificates();
        server = std::make_unique<test::RedisServer>(
            test::ServerOptions{.tls = test::ServerTls{.certificate = issued.server.certificate,
                                                       .key = issued.server.key,
                                                       .authority = issued.authority.certificate()}});
        hiredis::fill(address_of(*server, Wire::unix_socket), value_bytes);
        ours::fill([&] { return redis::connect(server->unix_url()); }, given_to_redis(value_bytes));
    }
    return *server;
}

std::filesystem::path Servers::authority() {
    return certificates().authority.certificate();
}

Servers::Certificates& Servers::certificates() {
    if (!certificates_) certificates_ = std::make_unique<Certificates>();
    return *certificates_;
}

test::RedisCluster& Servers::cluster(std::size_t value_bytes) {
    auto& cluster = clusters_[value_bytes];
    if (!cluster) {
        cluster = std::make_unique<test::RedisCluster>();
        ours::fill([&] { return redis::connect_cluster(cluster->urls()); }, given_to_redis(value_bytes));
    }
    return *cluster;
}

test::MemcachedServer& Servers::memcached(Wire wire, std::size_t value_bytes) {
    auto& server = memcached_[{wire, value_bytes}];
    if (!server) {
        server = std::make_unique<test::MemcachedServer>(
            test::ServerOptions{.arguments = {"-m", "256"}, .unix_socket = wire == Wire::unix_socket});
        libmemcached::fill(memcached_address_of(*server, wire), value_bytes);
        ours::fill([&] { return memcached::connect(memcached_url(*server, wire)); }, value_bytes);
    }
    return *server;
}

RedisAddress address_of(const test::RedisServer& server, Wire wire) {
    return {.unix_socket = wire == Wire::unix_socket ? server.unix_socket().string() : "", .port = server.port()};
}

libmemcached::Address memcached_address_of(const test::MemcachedServer& server, Wire wire) {
    return {.unix_socket = wire == Wire::unix_socket ? server.unix_socket().string() : "", .port = server.port()};
}

std::string redis_url(const test::RedisServer& server, Wire wire) {
    return wire == Wire::unix_socket ? server.unix_url() : server.url();
}

std::string memcached_url(const test::MemcachedServer& server, Wire wire) {
    return wire == Wire::unix_socket ? "unix://" + server.unix_socket().string() : server.address();
}

} // namespace tiercel::bench::clients
