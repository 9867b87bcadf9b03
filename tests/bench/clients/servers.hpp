#pragma once

#include "libmemcached_contenders.hpp"
#include "load.hpp"
#include "support/certificates.hpp"
#include "support/memcached_server.hpp"
#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace tiercel::bench::clients {

enum class Wire : unsigned char { tcp, unix_socket };

/// Servers of our own, each for values of one size, all keys filled; started when first asked for, gone with this.
/// Thread safety: none; on a thread that outlives it.
/// Errors: std::runtime_error.
class Servers {
public:
    /// Listens on both wires.
    test::RedisServer& redis(std::size_t value_bytes);
    test::RedisServer& redis_tls(std::size_t value_bytes);
    /// Who vouches for redis_tls().
    std::filesystem::path authority();
    /// Three masters.
    test::RedisCluster& cluster(std::size_t value_bytes);
    test::MemcachedServer& memcached(Wire wire, std::size_t value_bytes);

private:
    struct Certificates {
        test::TempDir directory;
        test::CertificateAuthority authority{directory.path()};
        test::Certificate server = authority.issue({.ends = std::chrono::hours(24)});
    };
    Certificates& certificates();

    std::unique_ptr<Certificates> certificates_;
    std::map<std::size_t, std::unique_ptr<test::RedisServer>> redis_, redis_tls_;
    std::map<std::size_t, std::unique_ptr<test::RedisCluster>> clusters_;
    std::map<std::pair<Wire, std::size_t>, std::unique_ptr<test::MemcachedServer>> memcached_;
};

RedisAddress address_of(const test::RedisServer& server, Wire wire);
libmemcached::Address memcached_address_of(const test::MemcachedServer& server, Wire wire);
/// As tiercel's backends take them.
std::string redis_url(const test::RedisServer& server, Wire wire);
std::string memcached_url(const test::MemcachedServer& server, Wire wire);
/// What tiercel's Redis backend is given so that the server holds that many bytes: it adds a version.
constexpr std::size_t given_to_redis(std::size_t bytes_at_server) {
    return bytes_at_server - 8;
}

} // namespace tiercel::bench::clients
