#include "support/redis_cluster.hpp"

#include "support/ask_redis.hpp"
#include "support/wait_until.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace tiercel::test {
namespace {

constexpr std::size_t slot_count = 16384;

void expect(const std::string& answer, const std::string& command) {
    if (answer != "+OK") throw std::runtime_error(command + ": " + answer);
}

} // namespace

RedisCluster::RedisCluster(RedisClusterOptions options) : options_(std::move(options)) {
    const std::size_t masters = options_.masters;
    for (std::size_t i = 0; i < masters * (1 + options_.replicas_each); ++i)
        add_node();
    const auto tell = [&](std::size_t node, const std::string& command) { expect(ask(node, command), command); };
    for (std::size_t i = 0; i < masters; ++i) {
        tell(i, "CLUSTER ADDSLOTSRANGE " + std::to_string((i * slot_count + masters - 1) / masters) + " " +
                    std::to_string(((i + 1) * slot_count + masters - 1) / masters - 1));
    }
    for (std::size_t i = 0; i < size(); ++i) {
        tell(i, "CLUSTER SET-CONFIG-EPOCH " + std::to_string(i + 1));
        ids_.push_back(ask(i, "CLUSTER MYID"));
        if (i > 0) {
            tell(0, "CLUSTER MEET 127.0.0.1 " + std::to_string(nodes_[i]->port()) + " " + bus_ports_[i]);
        }
    }
    const std::string all_known = "cluster_known_nodes:" + std::to_string(size()) + "\r";
    for (std::size_t i = 0; i < size(); ++i) {
        const bool known = wait_until([&] {
            return ask(i, "CLUSTER INFO").find(all_known) != std::string::npos &&
                   ask(i, "CLUSTER NODES").find("handshake") == std::string::npos;
        });
        if (!known) throw std::runtime_error("the nodes of a Redis cluster do not find each other");
    }
    for (std::size_t i = masters; i < size(); ++i)
        tell(i, "CLUSTER REPLICATE " + ids_[i % masters]);
    for (std::size_t i = masters; i < size(); ++i) {
        const bool in_sync =
            wait_until([&] { return ask(i, "INFO replication").find("master_link_status:up") != std::string::npos; });
        if (!in_sync) throw std::runtime_error("a replica of a Redis cluster does not get in sync");
    }
    if (!is_ok()) throw std::runtime_error("a Redis cluster does not become ok");
    // Each node has heard who replicates whom, without which nobody would be promoted.
    const auto replicas = static_cast<std::ptrdiff_t>(size() - masters);
    for (std::size_t i = 0; i < size(); ++i) {
        const bool heard = wait_until([&] {
            const auto nodes = ask(i, "CLUSTER NODES");
            std::ptrdiff_t found = 0;
            for (auto at = nodes.find("slave"); at != std::string::npos; at = nodes.find("slave", at + 1))
                ++found;
            return found == replicas;
        });
        if (!heard) throw std::runtime_error("a node of a Redis cluster does not hear of the replicas");
    }
}

void RedisCluster::add_node() {
    for (int attempt = 0;; ++attempt) {
        const auto bus_port = std::to_string(free_loopback_port());
        ServerOptions server{.arguments = {"--cluster-enabled", "yes", "--cluster-node-timeout",
                                           options_.node_timeout_ms, "--cluster-port", bus_port,
                                           "--repl-diskless-sync-delay", "0"}};
        const auto tls_port = free_loopback_port();
        if (const auto& tls = options_.tls) {
            const auto more = tls_arguments(*tls, tls_port);
            server.arguments.insert(server.arguments.end(), more.begin(), more.end());
            server.arguments.insert(server.arguments.end(), {"--tls-cluster", "yes"});
        }
        server.arguments.insert(server.arguments.end(), options_.arguments.begin(), options_.arguments.end());
        try {
            nodes_.push_back(std::make_unique<RedisServer>(std::move(server)));
            bus_ports_.push_back(bus_port);
            tls_ports_.push_back(std::to_string(tls_port));
            return;
        } catch (const std::runtime_error&) {
            if (attempt == 2) throw; // else the port may have been taken meanwhile
        }
    }
}

std::vector<std::string> RedisCluster::urls() const {
    std::vector<std::string> urls;
    for (const auto& node : nodes_)
        urls.push_back(node->url());
    return urls;
}

std::vector<std::string> RedisCluster::tls_urls() const {
    std::vector<std::string> urls;
    for (const auto& port : tls_ports_)
        urls.push_back("rediss://127.0.0.1:" + port);
    return urls;
}

std::size_t RedisCluster::first_owner(std::size_t slot) const noexcept {
    return slot * options_.masters / slot_count;
}

std::string RedisCluster::ask(std::size_t index, const std::string& command) const {
    return ask_redis(nodes_.at(index)->port(), options_.password, command);
}

bool RedisCluster::is_ok_at(const std::vector<std::size_t>& nodes) const {
    return std::all_of(nodes.begin(), nodes.end(), [&](std::size_t node) {
        return wait_until([&] { return ask(node, "CLUSTER INFO").starts_with("cluster_state:ok"); });
    });
}

bool RedisCluster::is_ok() const {
    std::vector<std::size_t> all(size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return is_ok_at(all);
}

} // namespace tiercel::test
