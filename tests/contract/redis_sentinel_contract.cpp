#include "support/redis_sentinels.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/testing/backend_contract.hpp>

#include <stdexcept>

namespace tiercel::testing {
namespace {

/// One for all scenarios of a run: sentinels take seconds to find each other. Patient ones, as the servers are stopped.
test::RedisSentinels& set() {
    static test::RedisSentinels shared({.down_after_ms = "60000"});
    return shared;
}

class RedisSentinelFixture final : public BackendFixture {
public:
    RedisSentinelFixture() {
        if (!set().is_settled()) throw std::runtime_error("the sentinels do not see all servers");
    }
    ~RedisSentinelFixture() override {
        for (std::size_t i = 0; i < set().servers(); ++i)
            set().server(i).resume();
        for (std::size_t i = 0; i < set().sentinels(); ++i)
            set().sentinel(i).resume();
    }

    std::shared_ptr<spi::Backend> backend() override {
        return redis::connect_sentinel(set().urls(), {.master_name = set().master_name()}).value();
    }
    void make_unreachable() {
        for (std::size_t i = 0; i < set().servers(); ++i)
            set().server(i).stop_replying();
        for (std::size_t i = 0; i < set().sentinels(); ++i)
            set().sentinel(i).stop_replying();
    }
};

const auto registered = register_backend_contract<RedisSentinelFixture>("RedisSentinel");

} // namespace
} // namespace tiercel::testing
