#include "support/memcached_server.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/testing/backend_contract.hpp>

#include <utility>

namespace tiercel::testing {
namespace {

class MemcachedFixture final : public BackendFixture {
public:
    std::shared_ptr<spi::Backend> backend() override { return std::move(backend_); }
    void make_unreachable() { server_.stop_replying(); }

private:
    test::MemcachedServer server_;
    std::shared_ptr<spi::Backend> backend_ = memcached::connect(server_.address()).value();
};

const auto registered = register_backend_contract<MemcachedFixture>("Memcached");

} // namespace
} // namespace tiercel::testing
