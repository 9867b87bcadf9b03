#include "client.hpp"

#include "support/redis_cluster.hpp"
#include "support/redis_sentinels.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace tiercel::redis::test {
namespace {

using std::chrono::milliseconds;
using tiercel::test::RedisCluster;
using tiercel::test::RedisSentinels;
using tiercel::test::wait_until;

/// How often a server has carried out a command; set.ask(server, …) asks it.
template <class Servers>
int calls(const Servers& servers, std::size_t server, const std::string& command) {
    const auto info = servers.ask(server, "INFO commandstats");
    const auto words = "cmdstat_" + command + ":calls=";
    const auto at = info.find(words);
    return at == std::string::npos ? 0 : std::stoi(info.substr(at + words.size()));
}

Options near(milliseconds max_staleness) {
    return {.reconnect_delay_min = 1ms,
            .reconnect_delay_max = 20ms,
            .replica_reads = ReplicaReads{.max_staleness = max_staleness}};
}

std::shared_ptr<spi::Backend> backend_of(const RedisCluster& cluster, milliseconds max_staleness) {
    // Often: a replica is named when its master has heard how far it is.
    return connect_cluster(cluster.urls(), {.node = near(max_staleness), .refresh_interval = 50ms}).value();
}

std::shared_ptr<spi::Backend> backend_of(const RedisSentinels& set, milliseconds max_staleness) {
    return connect_sentinel(set.urls(), {.master_name = set.master_name(), .node = near(max_staleness)}).value();
}

std::vector<std::string> names(const std::string& prefix, int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i)
        all.push_back(prefix + std::to_string(i));
    return all;
}

std::vector<BytesView> views(const std::vector<std::string>& names) {
    return {names.begin(), names.end()};
}

void put_all(Client& client, const std::vector<std::string>& names) {
    std::vector<spi::PutItem> items;
    for (const auto& name : names)
        items.push_back({name, name, {}});
    for (const auto& result : client.run(client.backend->put_many(items, within(20s))))
        ASSERT_TRUE(result) << result.error().message();
}

/// All of them are there, and each says what it is.
bool has_all(Client& client, const std::vector<std::string>& names) {
    const auto lookups = client.run(client.backend->get_many(views(names), within(5s)));
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!lookups[i]) {
            ADD_FAILURE() << lookups[i].error().message();
            return false;
        }
        if (!*lookups[i] || (*lookups[i])->value != names[i]) return false;
    }
    return true;
}

class RedisClusterReplicaReads : public ::testing::Test {
protected:
    /// Reads these until each of those nodes has answered some more.
    bool read_at(Client& client, const std::vector<std::string>& keys, const std::vector<std::size_t>& nodes) {
        for (const auto node : nodes) {
            const auto before = calls(cluster, node, "mget");
            const bool is_read = wait_until([&] {
                EXPECT_TRUE(has_all(client, keys));
                return calls(cluster, node, "mget") >= before + 5;
            });
            if (!is_read) return false;
        }
        return true;
    }

    RedisCluster cluster{{.replicas_each = 1, .arguments = {"--cluster-require-full-coverage", "no"}}};
};

TEST_F(RedisClusterReplicaReads, go_to_the_replica_of_each_master) {
    const auto keys = names("key:", 300);
    Client writer(connect_cluster(cluster.urls()).value());
    put_all(writer, keys);
    Client client(backend_of(cluster, 200ms));
    EXPECT_TRUE(read_at(client, keys, {3, 4, 5}));
    EXPECT_TRUE(wait_until([&] {
        const auto before = calls(cluster, 0, "mget") + calls(cluster, 1, "mget") + calls(cluster, 2, "mget");
        for (int i = 0; i < 5; ++i)
            EXPECT_TRUE(has_all(client, keys));
        return calls(cluster, 0, "mget") + calls(cluster, 1, "mget") + calls(cluster, 2, "mget") == before;
    }));
}

TEST_F(RedisClusterReplicaReads, find_all_of_a_slot_that_is_half_moved_and_then_moved) {
    const auto keys = names("{foo}:", 100); // slot 12182, of node 2, whose replica is node 5
    const std::string slot = "12182";
    Client writer(connect_cluster(cluster.urls()).value());
    put_all(writer, keys);
    Client client(backend_of(cluster, 200ms));
    ASSERT_TRUE(read_at(client, keys, {5}));

    ASSERT_EQ(cluster.ask(0, "CLUSTER SETSLOT " + slot + " IMPORTING " + cluster.id(2)), "+OK");
    ASSERT_EQ(cluster.ask(2, "CLUSTER SETSLOT " + slot + " MIGRATING " + cluster.id(0)), "+OK");
    const auto move = [&](std::size_t begin) {
        for (std::size_t i = begin; i < keys.size(); i += 2) {
            ASSERT_EQ(cluster.ask(2, "MIGRATE 127.0.0.1 " + std::to_string(cluster.node(0).port()) + " " + keys[i] +
                                         " 0 5000"),
                      "+OK");
            ASSERT_TRUE(has_all(client, keys)) << "after " << keys[i];
        }
    };
    move(0);
    EXPECT_TRUE(read_at(client, keys, {5}));
    move(1);
    for (const std::size_t node : {0U, 1U, 2U})
        ASSERT_EQ(cluster.ask(node, "CLUSTER SETSLOT " + slot + " NODE " + cluster.id(0)), "+OK");
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(has_all(client, keys));
    EXPECT_TRUE(read_at(client, keys, {3})) << "the replica of the new owner";
}

TEST_F(RedisClusterReplicaReads, go_on_through_a_fail_over) {
    const auto keys = names("key:", 60);
    Client client(backend_of(cluster, 200ms));
    put_all(client, keys);
    ASSERT_TRUE(read_at(client, keys, {3, 4, 5}));
    ASSERT_TRUE(wait_until([&] { return cluster.ask(4, "DBSIZE") == cluster.ask(1, "DBSIZE"); }));
    cluster.node(1).kill9();
    ASSERT_TRUE(
        wait_until([&] { return cluster.ask(4, "INFO replication").find("role:master") != std::string::npos; }));
    ASSERT_TRUE(wait_until([&] {
        const std::vector<spi::PutItem> items{{"key:1", "key:1", {}}};
        for (const auto& lookup : client.run(client.backend->get_many(views(keys), within(500ms))))
            if (!lookup) return false;
        return client.run(client.backend->put_many(items, within(500ms)))[0].has_value();
    }));
    EXPECT_TRUE(has_all(client, keys));

    // The former master comes back, and is read as the replica that it is now.
    cluster.node(1).restart();
    ASSERT_TRUE(wait_until(
        [&] { return cluster.ask(1, "INFO replication").find("master_link_status:up") != std::string::npos; }));
    EXPECT_TRUE(read_at(client, keys, {1}));
}

class RedisSentinelReplicaReads : public ::testing::Test {
protected:
    bool read_at(Client& client, const std::vector<std::size_t>& servers) {
        for (const auto server : servers) {
            const auto before = calls(set, server, "mget");
            const bool is_read = wait_until([&] {
                client.text("key");
                return calls(set, server, "mget") >= before + 5;
            });
            if (!is_read) return false;
        }
        return true;
    }

    RedisSentinels set;
};

TEST_F(RedisSentinelReplicaReads, go_to_the_replicas_before_and_after_a_fail_over) {
    Client client(backend_of(set, 200ms));
    ASSERT_TRUE(client.put("key", "value"));
    EXPECT_TRUE(read_at(client, {1, 2}));
    for (const std::size_t replica : {1U, 2U})
        ASSERT_TRUE(wait_until([&] { return set.ask(replica, "EXISTS key") == ":1"; }));
    set.server(0).kill9();
    const auto successor = set.master_other_than(0);
    const std::size_t left = successor == 1 ? 2 : 1;
    ASSERT_TRUE(wait_until([&] { return client.put("other", "value", std::nullopt, 500ms).has_value(); }));
    EXPECT_EQ(client.text("key"), "value");
    EXPECT_TRUE(read_at(client, {left}));
    set.server(0).restart();
    EXPECT_TRUE(read_at(client, {0})) << "the former master is a replica";
    EXPECT_EQ(client.text("key"), "value");
}

} // namespace
} // namespace tiercel::redis::test
