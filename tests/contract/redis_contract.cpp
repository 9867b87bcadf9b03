#include "support/redis_server.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/testing/backend_contract.hpp>

namespace tiercel::testing {
namespace {

class RedisFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override { return redis::connect(server_.url()).value(); }
    void make_unreachable() { server_.stop_replying(); }

private:
    test::RedisServer server_;
};

const auto registered = register_backend_contract<RedisFixture>("Redis");

} // namespace
} // namespace tiercel::testing
