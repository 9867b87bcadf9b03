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

class RedisSentinelFixture : public BackendFixture {
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

/// The least staleness, so that replicas are read.
class RedisSentinelReplicasFixture final : public RedisSentinelFixture {
public:
    std::shared_ptr<spi::Backend> backend() override {
        const redis::Options node{.replica_reads = redis::ReplicaReads{.max_staleness = std::chrono::milliseconds(20)}};
        return redis::connect_sentinel(set().urls(), {.master_name = set().master_name(), .node = node}).value();
    }
};

const auto registered = register_backend_contract<RedisSentinelFixture>("RedisSentinel");
const auto registered_replicas = register_backend_contract<RedisSentinelReplicasFixture>("RedisSentinelReplicas");

} // namespace
} // namespace tiercel::testing
