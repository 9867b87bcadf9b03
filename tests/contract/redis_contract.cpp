#include "support/certificates.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/testing/backend_contract.hpp>

#include <array>

namespace tiercel::testing {
namespace {

class RedisFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override { return redis::connect(server_.url()).value(); }
    void make_unreachable() { server_.stop_replying(); }

private:
    test::RedisServer server_;
};

class RedisTlsFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override {
        return redis::connect(server_.url(), {.tls = {.ca_file = authority_.certificate().string()}}).value();
    }
    void make_unreachable() { server_.stop_replying(); }

private:
    test::TempDir directory_;
    test::CertificateAuthority authority_{directory_.path()};
    test::Certificate certificate_ = authority_.issue();
    test::RedisServer server_{{.tls = test::ServerTls{.certificate = certificate_.certificate,
                                                      .key = certificate_.key,
                                                      .authority = authority_.certificate()}}};
};

/// Three servers that share the keys.
class RedisShardsFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override {
        return redis::connect_sharded({{servers_[0].url()}, {servers_[1].url()}, {servers_[2].url()}}).value();
    }
    void make_unreachable() {
        for (auto& server : servers_)
            server.stop_replying();
    }

private:
    std::array<test::RedisServer, 3> servers_;
};

const auto registered = register_backend_contract<RedisFixture>("Redis");
const auto registered_blocked = register_backend_contract<RedisFixture>("RedisBlocked", Callers::blocked_threads);
const auto registered_tls = register_backend_contract<RedisTlsFixture>("RedisTls");
const auto registered_shards = register_backend_contract<RedisShardsFixture>("RedisShards");

} // namespace
} // namespace tiercel::testing
