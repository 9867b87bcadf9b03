#include "support/redis_cluster.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/testing/backend_contract.hpp>

#include <stdexcept>

namespace tiercel::testing {
namespace {

/// One for all scenarios of a run: a cluster takes seconds to agree.
test::RedisCluster& cluster() {
    static test::RedisCluster shared({.masters = 3, .node_timeout_ms = "15000"});
    return shared;
}

class RedisClusterFixture final : public BackendFixture {
public:
    RedisClusterFixture() {
        if (!cluster().is_ok()) throw std::runtime_error("the cluster is not ok");
    }
    ~RedisClusterFixture() override {
        for (std::size_t i = 0; i < cluster().size(); ++i)
            cluster().node(i).resume();
    }

    std::shared_ptr<spi::Backend> backend() override { return redis::connect_cluster(cluster().urls()).value(); }
    void make_unreachable() {
        for (std::size_t i = 0; i < cluster().size(); ++i)
            cluster().node(i).stop_replying();
    }
};

/// The same with a replica for each master, which are read. The least staleness, so that they are.
test::RedisCluster& replicated_cluster() {
    static test::RedisCluster shared({.masters = 3, .replicas_each = 1, .node_timeout_ms = "15000"});
    return shared;
}

class RedisClusterReplicasFixture final : public BackendFixture {
public:
    RedisClusterReplicasFixture() {
        if (!replicated_cluster().is_ok()) throw std::runtime_error("the cluster is not ok");
    }
    ~RedisClusterReplicasFixture() override {
        for (std::size_t i = 0; i < replicated_cluster().size(); ++i)
            replicated_cluster().node(i).resume();
    }

    std::shared_ptr<spi::Backend> backend() override {
        const redis::Options node{.replica_reads = redis::ReplicaReads{.max_staleness = std::chrono::milliseconds(20)}};
        return redis::connect_cluster(replicated_cluster().urls(),
                                      {.node = node, .refresh_interval = std::chrono::milliseconds(100)})
            .value();
    }
    void make_unreachable() {
        for (std::size_t i = 0; i < replicated_cluster().size(); ++i)
            replicated_cluster().node(i).stop_replying();
    }
};

const auto registered = register_backend_contract<RedisClusterFixture>("RedisCluster");
const auto registered_blocked =
    register_backend_contract<RedisClusterFixture>("RedisClusterBlocked", Callers::blocked_threads);
const auto registered_replicas = register_backend_contract<RedisClusterReplicasFixture>("RedisClusterReplicas");
const auto registered_replicas_blocked =
    register_backend_contract<RedisClusterReplicasFixture>("RedisClusterReplicasBlocked", Callers::blocked_threads);

} // namespace
} // namespace tiercel::testing
