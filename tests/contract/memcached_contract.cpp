#include "support/memcached_server.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/testing/backend_contract.hpp>

namespace tiercel::testing {
namespace {

class MemcachedFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override { return memcached::connect(server_.address()).value(); }
    void make_unreachable() { server_.stop_replying(); }

private:
    test::MemcachedServer server_;
};

const auto registered = register_backend_contract<MemcachedFixture>("Memcached");
const auto registered_blocked =
    register_backend_contract<MemcachedFixture>("MemcachedBlocked", Callers::blocked_threads);

} // namespace
} // namespace tiercel::testing
