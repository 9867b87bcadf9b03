#pragma once

#include "support/redis_server.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::test {

struct RedisClusterOptions {
    std::size_t masters = 3;
    std::size_t replicas_each = 0;
    /// Of each node: the time after which the others take it for failed.
    std::string node_timeout_ms = "1000";
    /// Added to the end of every node's command line.
    std::vector<std::string> arguments = {};
    /// Each node speaks TLS too, at a port of its own, as the nodes then do among themselves.
    std::optional<ServerTls> tls = {};
    /// What `arguments` make the servers ask for, for our own commands to them.
    std::string password = {};
};

/// A real Redis Cluster on free loopback ports: masters 0 … n-1 with equal shares of the slots in ascending order, then
/// their replicas in the same order. Made when all nodes say that the state is ok and all replicas are in sync.
/// Thread safety: none; create it on a thread that outlives it (see ChildProcess).
/// Errors: std::runtime_error.
class RedisCluster {
public:
    explicit RedisCluster(RedisClusterOptions options = {});

    std::size_t size() const noexcept { return nodes_.size(); }
    RedisServer& node(std::size_t index) { return *nodes_.at(index); }
    std::vector<std::string> urls() const;
    /// Of the ports for TLS.
    std::vector<std::string> tls_urls() const;
    /// Of the master that had the slot at the start.
    std::size_t first_owner(std::size_t slot) const noexcept;

    /// The reply to one inline command: its line, or the text of a bulk. Throws when there is none within 5 seconds.
    std::string ask(std::size_t index, const std::string& command) const;
    /// The name of a node within the cluster.
    const std::string& id(std::size_t index) const { return ids_.at(index); }

    /// Waits until each of the nodes says that the state of the cluster is ok. False if one does not within 20 seconds.
    bool is_ok_at(const std::vector<std::size_t>& nodes) const;
    bool is_ok() const;

private:
    void add_node();

    RedisClusterOptions options_;
    std::vector<std::unique_ptr<RedisServer>> nodes_;
    std::vector<std::string> bus_ports_;
    std::vector<std::string> tls_ports_;
    std::vector<std::string> ids_;
};

} // namespace tiercel::test
