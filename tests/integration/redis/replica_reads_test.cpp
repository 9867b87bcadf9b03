#include "client.hpp"
#include "raw_redis.hpp"

#include "support/ask_redis.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

namespace tiercel::redis::test {
namespace {

using std::chrono::milliseconds;
using tiercel::test::FaultProxy;
using tiercel::test::RedisServer;
using tiercel::test::wait_until;

std::string ask(const RedisServer& server, const std::string& command) {
    return tiercel::test::ask_redis(server.port(), "", command);
}

/// How often a server has carried out a command.
int calls(const RedisServer& server, const std::string& command) {
    const auto info = ask(server, "INFO commandstats");
    const auto words = "cmdstat_" + command + ":calls=";
    const auto at = info.find(words);
    return at == std::string::npos ? 0 : std::stoi(info.substr(at + words.size()));
}

Options near(milliseconds max_staleness, Options options = {}) {
    options.reconnect_delay_min = 1ms;
    options.reconnect_delay_max = 20ms;
    options.replica_reads = ReplicaReads{.max_staleness = max_staleness};
    return options;
}

/// A replica, and the proxy through which it hears of its master's writes.
struct LinkedReplica {
    explicit LinkedReplica(const RedisServer& master)
        : link(master.port()),
          server({.arguments = {"--replicaof", "127.0.0.1", std::to_string(link.port()), "--repl-timeout", "3600"}}) {}

    /// It hears of nothing more, and does not know it.
    void hold_back() { link.delay(1h); }
    bool is_in_sync() const {
        return wait_until(
            [&] { return ask(server, "INFO replication").find("master_link_status:up") != std::string::npos; });
    }

    FaultProxy link;
    RedisServer server;
};

class RedisReplicaReads : public ::testing::Test {
protected:
    void SetUp() override {
        for (const auto& replica : replicas)
            ASSERT_TRUE(replica.is_in_sync());
    }

    /// Reads the key until the replica has answered `times` more.
    bool is_read(Client& client, std::size_t replica, const std::string& key = "settled", int times = 5) {
        const auto before = calls(replicas.at(replica).server, "mget");
        return wait_until([&] {
            client.text(key);
            return calls(replicas.at(replica).server, "mget") >= before + times;
        });
    }
    bool are_read(Client& client) { return is_read(client, 0) && is_read(client, 1); }
    /// Reads the key until the replica is passed over many times in a row.
    bool is_not_read(Client& client, std::size_t replica) {
        return wait_until([&] {
            const auto before = calls(replicas.at(replica).server, "mget");
            for (int i = 0; i < 20; ++i)
                client.text("settled");
            return calls(replicas.at(replica).server, "mget") == before;
        });
    }

    RedisServer master{{.arguments = {"--repl-diskless-sync-delay", "0"}}};
    std::array<LinkedReplica, 2> replicas{LinkedReplica(master), LinkedReplica(master)};
};

TEST_F(RedisReplicaReads, are_off_unless_asked_for) {
    Client client(master.url());
    ASSERT_TRUE(client.put("settled", "value"));
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(client.text("settled"), "value");
    for (const auto& replica : replicas)
        EXPECT_EQ(RawRedis(replica.server.port()).clients_named("tiercel").count, 0U);
    EXPECT_EQ(calls(master, "mget"), 20);
}

TEST_F(RedisReplicaReads, go_to_all_replicas_and_not_to_the_master) {
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    Client client(master.url(), near(200ms));
    EXPECT_TRUE(are_read(client));
    EXPECT_TRUE(wait_until([&] {
        const auto before = calls(master, "mget");
        for (int i = 0; i < 20; ++i)
            EXPECT_EQ(client.text("settled"), "value");
        return calls(master, "mget") == before;
    }));
    EXPECT_EQ(calls(replicas[0].server, "set"), 1) << "as replicated";
}

TEST_F(RedisReplicaReads, of_a_batch_go_to_one_replica_but_for_what_was_written) {
    Client client(master.url(), near(200ms));
    std::vector<std::string> names;
    for (int i = 0; i < 100; ++i) {
        names.push_back("key:" + std::to_string(i));
        ASSERT_EQ(ask(master, "SET " + names.back() + " " + names.back() + "12345678"), "+OK");
    }
    ASSERT_TRUE(are_read(client));
    ASSERT_TRUE(client.put("key:7", "mine"));
    ASSERT_TRUE(client.erase("key:8").value());
    const std::vector<BytesView> keys(names.begin(), names.end());
    const auto lookups = client.run(client.backend->get_many(keys, within(5s)));
    for (std::size_t i = 0; i < names.size(); ++i) {
        ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
        ASSERT_EQ(lookups[i].value().has_value(), i != 8) << i;
        if (i != 8) {
            EXPECT_EQ(lookups[i].value()->value, i == 7 ? "mine" : names[i]);
        }
    }
}

/// The replica is asked, and is behind: who wrote does not notice, others do so for the time that was allowed.
TEST_F(RedisReplicaReads, never_undo_an_own_write_nor_give_what_is_older_than_allowed) {
    constexpr milliseconds allowed{500};
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    ASSERT_EQ(ask(master, "SET key old12345678"), "+OK");
    Client writer(master.url(), near(allowed));
    Client other(master.url(), near(allowed));
    ASSERT_TRUE(are_read(writer));
    ASSERT_TRUE(are_read(other));
    ASSERT_EQ(other.text("key"), "old");
    for (auto& replica : replicas)
        replica.hold_back();
    ASSERT_TRUE(writer.erase("key").value());
    const auto erased = std::chrono::steady_clock::now();
    for (const auto& replica : replicas)
        ASSERT_EQ(ask(replica.server, "EXISTS key"), ":1") << "as nobody told it";
    int old_ones = 0;
    for (auto now = erased; now < erased + 2 * allowed; now = std::chrono::steady_clock::now()) {
        ASSERT_EQ(writer.text("key"), "(none)");
        now = std::chrono::steady_clock::now();
        const auto seen = other.text("key");
        ASSERT_TRUE(seen == "(none)" || seen == "old") << seen;
        if (now > erased + allowed) {
            ASSERT_EQ(seen, "(none)");
        }
        old_ones += seen == "old" ? 1 : 0;
    }
    EXPECT_GT(old_ones, 0) << "or nothing was tested";
    for (std::size_t i = 0; i < replicas.size(); ++i)
        EXPECT_TRUE(is_not_read(other, i));
    // What it was told late is not too late.
    for (auto& replica : replicas) {
        replica.link.pass();
        replica.link.drop_connections();
    }
    EXPECT_TRUE(are_read(other));
}

TEST_F(RedisReplicaReads, find_at_the_master_what_the_replica_does_not_have) {
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    Client client(master.url(), near(1min));
    ASSERT_TRUE(wait_until([&] { return is_read(client, 0) && is_read(client, 1); }));
    for (auto& replica : replicas)
        replica.hold_back();
    ASSERT_EQ(ask(master, "SET fresh value12345678"), "+OK");
    for (const auto& replica : replicas)
        ASSERT_EQ(ask(replica.server, "EXISTS fresh"), ":0");
    const auto before = calls(replicas[0].server, "mget") + calls(replicas[1].server, "mget");
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(client.text("fresh"), "value");
        EXPECT_EQ(client.text("nowhere"), "(none)");
    }
    EXPECT_GE(calls(replicas[0].server, "mget") + calls(replicas[1].server, "mget"), before + 20)
        << "it was asked first";
}

/// Reads all the time; a value names its key, and is there.
boost::asio::awaitable<void> keep_reading(std::shared_ptr<spi::Backend> backend, std::atomic<bool>& stop,
                                          std::atomic<int>& right) {
    const std::vector<BytesView> keys{"settled"};
    while (!stop) {
        const auto lookups = co_await backend->get_many(keys, within(1s));
        const auto& lookup = lookups.front();
        if (!lookup) {
            ADD_FAILURE() << lookup.error().message();
        } else if (!*lookup || (*lookup)->value != "value") {
            ADD_FAILURE() << "not the value";
        }
        ++right;
    }
}

TEST_F(RedisReplicaReads, are_answered_whether_a_replica_dies_hangs_or_comes_back) {
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    Client client(master.url(), near(100ms));
    ASSERT_TRUE(are_read(client));
    std::atomic<bool> stop{false};
    std::atomic<int> right{0};
    std::vector<std::future<void>> readers;
    for (int i = 0; i < 4; ++i)
        readers.push_back(client.start(keep_reading(client.backend, stop, right)));
    const auto going_on = [&] {
        const auto before = right.load();
        return wait_until([&] { return right > before + 200; });
    };
    EXPECT_TRUE(going_on());
    replicas[0].server.kill9();
    EXPECT_TRUE(going_on());
    replicas[1].server.stop_replying();
    EXPECT_TRUE(going_on());
    replicas[0].server.restart();
    replicas[1].server.resume();
    EXPECT_TRUE(going_on());
    EXPECT_TRUE(are_read(client));
    stop = true;
    for (auto& reader : readers)
        reader.get();
}

TEST_F(RedisReplicaReads, of_a_replica_that_was_restarted_with_what_its_disk_had_do_not_count) {
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    ASSERT_EQ(ask(master, "SET key old12345678"), "+OK");
    auto& replica = replicas[0];
    replicas[1].server.kill9();
    ASSERT_TRUE(wait_until([&] { return ask(replica.server, "EXISTS key") == ":1"; }));
    ASSERT_EQ(ask(replica.server, "SAVE"), "+OK");
    ASSERT_EQ(ask(master, "SET key new12345678"), "+OK");

    // Proven fresh, with the new value, for minutes.
    Client client(master.url(), near(10min, {.blocking_connections = 0}));
    ASSERT_TRUE(is_read(client, 0));
    ASSERT_EQ(client.text("key"), "new");
    const auto asked = calls(replica.server, "info|replication") + calls(replica.server, "info");
    ASSERT_TRUE(wait_until([&] {
        client.text("settled");
        return calls(replica.server, "info|replication") + calls(replica.server, "info") > asked + 50;
    }));
    replica.link.refuse();
    replica.server.restart();
    ASSERT_EQ(ask(replica.server, "GETRANGE key 0 2"), "old");
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(client.text("key"), "new");
    EXPECT_GT(calls(replica.server, "mget"), 0) << "it was asked, and not believed";
}

TEST_F(RedisReplicaReads, without_the_permission_to_ask_for_places_go_to_the_master) {
    for (const auto* server : {&master, &replicas[0].server, &replicas[1].server})
        ASSERT_EQ(ask(*server, "ACL SETUSER user on >pw ~* -@all +mget +set +ping +client"), "+OK");
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    Client client("redis://user:pw@127.0.0.1:" + std::to_string(master.port()), near(20ms));
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(client.text("settled"), "value");
    EXPECT_EQ(calls(replicas[0].server, "mget") + calls(replicas[1].server, "mget"), 0);

    for (const auto* server : {&master, &replicas[0].server, &replicas[1].server})
        ASSERT_EQ(ask(*server, "ACL SETUSER user +info"), "+OK");
    EXPECT_TRUE(are_read(client)) << "which is all that was missing";
}

TEST_F(RedisReplicaReads, end_with_the_backend) {
    ASSERT_EQ(ask(master, "SET settled value12345678"), "+OK");
    {
        Client client(master.url(), near(100ms));
        ASSERT_TRUE(are_read(client));
        replicas[0].server.stop_replying();
        const std::vector<BytesView> keys{"settled"};
        std::vector<std::future<std::vector<spi::Lookup>>> outstanding;
        for (int i = 0; i < 10; ++i)
            outstanding.push_back(client.start(client.backend->get_many(keys, within(1min))));
        client.backend->close();
        for (auto& one : outstanding) {
            const auto lookups = one.get();
            EXPECT_TRUE(lookups[0] || lookups[0].error() == Errc::closed) << lookups[0].error().message();
        }
        EXPECT_EQ(client.text("settled"), "closed");
        replicas[0].server.resume();
    }
    for (const auto& replica : replicas)
        EXPECT_TRUE(wait_until([&] { return RawRedis(replica.server.port()).clients_named("tiercel").count == 0; }));
}

} // namespace
} // namespace tiercel::redis::test
