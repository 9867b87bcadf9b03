#include "client.hpp"
#include "raw_redis.hpp"

#include "support/redis_cluster.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <random>
#include <set>

namespace tiercel::redis::test {
namespace {

using tiercel::test::RedisCluster;
using tiercel::test::wait_until;

std::shared_ptr<spi::Backend> backend_of(const std::vector<std::string>& seeds, ClusterOptions options = {}) {
    auto connected = connect_cluster(seeds, options);
    if (!connected) throw std::runtime_error(connected.error().message());
    return *connected;
}

ClusterOptions impatient(ClusterOptions options = {}) {
    options.node.reconnect_delay_min = 1ms;
    options.node.reconnect_delay_max = 20ms;
    return options;
}

/// How often a node has given an error reply of that kind.
int errors(const RedisCluster& cluster, std::size_t node, const std::string& kind) {
    const auto info = cluster.ask(node, "INFO errorstats");
    const auto words = "errorstat_" + kind + ":count=";
    const auto at = info.find(words);
    return at == std::string::npos ? 0 : std::stoi(info.substr(at + words.size()));
}

std::size_t slot_of(const RedisCluster& cluster, const std::string& key) {
    return std::stoul(cluster.ask(0, "CLUSTER KEYSLOT " + key).substr(1));
}

std::size_t connections(RedisCluster& cluster, std::size_t node) {
    return RawRedis(cluster.node(node).port()).clients_named("tiercel").count;
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

/// One for the tests that leave it as it was, but for the keys.
class RedisClusterOperations : public ::testing::Test {
protected:
    static void SetUpTestSuite() { cluster_ = std::make_unique<RedisCluster>(); }
    static void TearDownTestSuite() { cluster_.reset(); }

    RedisClusterOperations() {
        for (std::size_t i = 0; i < cluster().size(); ++i) {
            EXPECT_EQ(cluster().ask(i, "FLUSHALL"), "+OK");
            EXPECT_EQ(cluster().ask(i, "CONFIG RESETSTAT"), "+OK");
        }
    }

    static RedisCluster& cluster() { return *cluster_; }
    /// Asks for a key of each third of the slots until the map is there.
    static void warm_up(Client& client) {
        for (const auto& key : names("warm:", 30))
            ASSERT_EQ(client.text(key), "(none)");
    }

    Client client{backend_of(cluster_->urls())};

private:
    static inline std::unique_ptr<RedisCluster> cluster_;
};

TEST_F(RedisClusterOperations, a_batch_is_spread_over_all_nodes_and_comes_back_in_order) {
    const auto present = names("key:", 3000);
    put_all(client, present);
    for (std::size_t i = 0; i < cluster().size(); ++i)
        EXPECT_GT(std::stoi(cluster().ask(i, "DBSIZE").substr(1)), 500);

    std::vector<std::string> wanted;
    for (const auto& name : present) {
        wanted.push_back(name);
        if (wanted.size() % 3 == 0) wanted.push_back("absent:" + name);
        if (wanted.size() % 7 == 0) wanted.push_back(present.front());
    }
    const auto keys = views(wanted);
    const auto lookups = client.run(client.backend->get_many(keys, within(20s)));
    ASSERT_EQ(lookups.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
        ASSERT_EQ(lookups[i].value().has_value(), !keys[i].starts_with("absent:")) << keys[i];
        if (*lookups[i]) {
            ASSERT_EQ((*lookups[i])->value, keys[i]);
        }
    }
    for (const auto& touched : client.run(client.backend->touch_many(views(present), 1h, within(20s))))
        ASSERT_TRUE(touched.value());
    for (const auto& erased : client.run(client.backend->erase_many(views(present), within(20s))))
        ASSERT_TRUE(erased.value());
    for (const auto& erased : client.run(client.backend->erase_many(views(present), within(20s))))
        ASSERT_FALSE(erased.value());
    for (std::size_t i = 0; i < cluster().size(); ++i) {
        EXPECT_EQ(errors(cluster(), i, "MOVED"), 0) << "the keys were sent to their owners";
        EXPECT_EQ(errors(cluster(), i, "CROSSSLOT"), 0);
    }
}

TEST_F(RedisClusterOperations, keys_of_one_tag_are_asked_for_together) {
    warm_up(client);
    const auto tagged = names("{tag}:", 100);
    put_all(client, tagged);
    const auto owner = cluster().first_owner(slot_of(cluster(), "{tag}"));
    ASSERT_EQ(cluster().ask(owner, "CONFIG RESETSTAT"), "+OK");
    for (const auto& lookup : client.run(client.backend->get_many(views(tagged), within(5s))))
        ASSERT_TRUE(lookup && *lookup);
    EXPECT_NE(cluster().ask(owner, "INFO commandstats").find("cmdstat_mget:calls=1,"), std::string::npos);
}

TEST_F(RedisClusterOperations, conditional_writes_go_where_the_key_is) {
    warm_up(client);
    for (const auto& key : names("cond:", 50)) {
        EXPECT_EQ(client.run(client.backend->put_if_absent({key, "1", {}}, within(5s))).value(),
                  spi::Conditional::stored);
        EXPECT_EQ(client.run(client.backend->put_if_absent({key, "2", {}}, within(5s))).value(),
                  spi::Conditional::conflict);
        const auto version = client.get(key).value()->version;
        EXPECT_EQ(client.run(client.backend->put_if_version({key, "3", {}}, version, within(5s))).value(),
                  spi::Conditional::stored);
        EXPECT_EQ(client.run(client.backend->put_if_version({key, "4", {}}, version, within(5s))).value(),
                  spi::Conditional::conflict);
        EXPECT_EQ(client.text(key), "3");
    }
    for (std::size_t i = 0; i < cluster().size(); ++i)
        EXPECT_EQ(errors(cluster(), i, "MOVED"), 0) << "at once";
}

TEST_F(RedisClusterOperations, scan_finds_the_keys_of_all_nodes) {
    const auto present = names("a*b:", 3000);
    put_all(client, present);
    put_all(client, names("other:", 100));
    std::set<std::string> found;
    std::string cursor;
    std::size_t pages = 0;
    do {
        const auto page = client.run(client.backend->scan("a*b:", cursor, within(5s)));
        ASSERT_TRUE(page) << page.error().message();
        found.insert(page->keys.begin(), page->keys.end());
        cursor = page->cursor;
        ++pages;
    } while (!cursor.empty());
    EXPECT_EQ(found, std::set<std::string>(present.begin(), present.end()));
    EXPECT_GE(pages, 3U);
}

TEST_F(RedisClusterOperations, a_scan_of_a_node_that_is_not_there_fails) {
    for (const char* cursor : {"0@127.0.0.1:1", "0@", "17", "@", "0@nonsense", "0@127.0.0.1:99999"})
        EXPECT_EQ(code_of(client.run(client.backend->scan("", cursor, within(5s)))), Errc::moved) << cursor;
}

TEST_F(RedisClusterOperations, one_living_seed_is_enough) {
    Client other(backend_of({"redis://127.0.0.1:1", "redis://127.0.0.1:2", cluster().node(1).url()}));
    EXPECT_TRUE(other.put("key", "value"));
    EXPECT_EQ(other.text("key"), "value");
    EXPECT_TRUE(other.ping());
}

TEST_F(RedisClusterOperations, a_seed_may_have_another_name_than_the_nodes_give_it) {
    Client other(backend_of({"redis://localhost:" + std::to_string(cluster().node(0).port())}));
    for (const auto& key : names("key:", 100))
        EXPECT_TRUE(other.put(key, key));
    for (std::size_t i = 0; i < cluster().size(); ++i)
        EXPECT_GT(std::stoi(cluster().ask(i, "DBSIZE").substr(1)), 0);
}

TEST_F(RedisClusterOperations, each_node_has_its_connections_and_they_end_with_the_backend) {
    {
        Client other(backend_of(cluster().urls(),
                                {.node = {.client_name = "other", .connections = 2, .blocking_connections = 0}}));
        for (int round = 0; round < 2; ++round)
            put_all(other, names("key:", 100));
        for (std::size_t i = 0; i < cluster().size(); ++i)
            EXPECT_EQ(RawRedis(cluster().node(i).port()).clients_named("other").count, 2U);
    }
    for (std::size_t i = 0; i < cluster().size(); ++i)
        EXPECT_TRUE(wait_until([&] { return RawRedis(cluster().node(i).port()).clients_named("other").count == 0; }));
}

TEST_F(RedisClusterOperations, a_stopped_node_fails_its_own_keys_only) {
    const auto all = names("key:", 300);
    put_all(client, all);
    std::map<std::string, std::size_t> owner;
    for (const auto& name : all)
        owner[name] = cluster().first_owner(slot_of(cluster(), name));
    cluster().node(1).stop_replying();
    const auto lookups = client.run(client.backend->get_many(views(all), within(200ms)));
    cluster().node(1).resume();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (owner[all[i]] == 1) {
            EXPECT_EQ(code_of(lookups[i]), Errc::timeout);
        } else {
            ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
            EXPECT_EQ(lookups[i].value()->value, all[i]);
        }
    }
    EXPECT_TRUE(cluster().is_ok());
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisClusterOperations, an_unknown_cluster_fails_fast_while_the_back_off_lasts) {
    Client nobody(
        backend_of({"redis://127.0.0.1:1"}, {.node = {.reconnect_delay_min = 1h, .reconnect_delay_max = 1h}}));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(nobody.text("key", 1h), "connection_failed");
    EXPECT_EQ(code_of(nobody.ping()), Errc::connection_failed);
}

TEST(RedisClusterOf, a_server_that_is_in_none_is_said_so) {
    tiercel::test::RedisServer server;
    Client client(backend_of({server.url()}));
    EXPECT_EQ(client.text("key"), "unsupported");
    EXPECT_EQ(code_of(client.ping()), Errc::unsupported);
}

TEST(RedisClusterOf, a_node_without_slots_is_not_ready) {
    tiercel::test::RedisServer server({.arguments = {"--cluster-enabled", "yes", "--cluster-port",
                                                     std::to_string(tiercel::test::free_loopback_port())}});
    Client client(backend_of({server.url()}));
    EXPECT_EQ(client.text("key"), "not_ready");
}

TEST(RedisClusterOf, nodes_with_a_password_gives_it_to_all) {
    RedisCluster cluster({.arguments = {"--requirepass", "s3cret", "--masterauth", "s3cret"}, .password = "s3cret"});
    Client client(backend_of(cluster.urls(), {.node = {.password = "s3cret"}}));
    put_all(client, names("key:", 100));
    Client wrong(backend_of(cluster.urls(), {.node = {.password = "wr0ng"}}));
    const auto put = wrong.put("key", "value");
    ASSERT_EQ(code_of(put), Errc::authentication_failed);
    EXPECT_EQ(put.error().message().find("wr0ng"), std::string::npos);
}

TEST(RedisClusterOf, slots_that_nobody_has_is_down_until_somebody_has_them) {
    RedisCluster cluster;
    Client client(backend_of(cluster.urls(), impatient()));
    ASSERT_TRUE(client.put("foo", "bar")); // slot 12182, of the last node
    const auto slot = std::to_string(slot_of(cluster, "foo"));
    for (const std::size_t node : {2U, 1U, 0U}) // its owner first, who would tell the others
        ASSERT_EQ(cluster.ask(node, "CLUSTER DELSLOTS " + slot), "+OK");
    for (const std::size_t node : {0U, 1U, 2U}) {
        ASSERT_TRUE(wait_until([&] { return cluster.ask(node, "CLUSTER INFO").starts_with("cluster_state:fail"); }));
    }
    EXPECT_EQ(client.text("foo", 100ms), "not_ready");
    EXPECT_TRUE(wait_until([&] { return code_of(client.ping(100ms)) == Errc::not_ready; }));

    // Who has the time to wait is served when it is mended.
    const std::vector<BytesView> keys{"foo"};
    auto patient = client.start(client.backend->get_many(keys, within(20s)));
    ASSERT_EQ(cluster.ask(2, "CLUSTER ADDSLOTS " + slot), "+OK");
    const auto lookups = patient.get();
    ASSERT_TRUE(lookups[0]) << lookups[0].error().message();
    EXPECT_EQ(lookups[0].value()->value, "bar");
    EXPECT_TRUE(wait_until([&] { return client.ping().has_value(); }));
}

class RedisClusterResharding : public ::testing::Test {
protected:
    /// Gives a slot that is not on the move to another node, all nodes knowing it.
    void give(std::size_t slot, std::size_t to) {
        for (const std::size_t node : {to, (to + 1) % 3, (to + 2) % 3})
            ASSERT_EQ(cluster.ask(node, "CLUSTER SETSLOT " + std::to_string(slot) + " NODE " + cluster.id(to)), "+OK");
    }
    void begin_move(std::size_t slot, std::size_t from, std::size_t to) {
        const auto text = "CLUSTER SETSLOT " + std::to_string(slot);
        ASSERT_EQ(cluster.ask(to, text + " IMPORTING " + cluster.id(from)), "+OK");
        ASSERT_EQ(cluster.ask(from, text + " MIGRATING " + cluster.id(to)), "+OK");
    }
    void move_key(const std::string& key, std::size_t from, std::size_t to) {
        const auto moved =
            cluster.ask(from, "MIGRATE 127.0.0.1 " + std::to_string(cluster.node(to).port()) + " " + key + " 0 5000");
        ASSERT_TRUE(moved == "+OK" || moved == "+NOKEY") << moved;
    }

    RedisCluster cluster;
};

TEST_F(RedisClusterResharding, a_slot_that_has_moved_is_asked_for_at_its_old_place_once) {
    Client client(backend_of(cluster.urls()));
    ASSERT_TRUE(client.put("foo", "bar"));
    ASSERT_TRUE(client.erase("foo").value());
    ASSERT_EQ(cluster.ask(2, "CONFIG RESETSTAT"), "+OK");
    give(slot_of(cluster, "foo"), 0);
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(client.put("foo", "bar"));
        EXPECT_EQ(client.text("foo"), "bar");
    }
    EXPECT_EQ(errors(cluster, 2, "MOVED"), 1);
}

TEST_F(RedisClusterResharding, half_a_slot_moved_is_read_and_written_whole) {
    Client client(backend_of(cluster.urls()));
    const auto keys = names("{foo}:", 100);
    put_all(client, keys);
    const auto slot = slot_of(cluster, "foo");
    begin_move(slot, 2, 0);
    for (std::size_t i = 0; i < keys.size(); i += 2)
        move_key(keys[i], 2, 0);

    for (int round = 0; round < 2; ++round) {
        const auto lookups = client.run(client.backend->get_many(views(keys), within(5s)));
        for (std::size_t i = 0; i < keys.size(); ++i) {
            ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
            ASSERT_TRUE(*lookups[i]) << keys[i];
            EXPECT_EQ((*lookups[i])->value, keys[i]);
        }
    }
    EXPECT_GT(errors(cluster, 2, "TRYAGAIN"), 0) << "to many keys, some of them gone";
    EXPECT_GT(errors(cluster, 2, "ASK"), 0) << "to one key that is gone";
    EXPECT_EQ(errors(cluster, 0, "MOVED"), 0) << "ASKING stood before each command";

    // New keys are made at the new place, conditions are judged where the key is.
    EXPECT_TRUE(client.put("{foo}:new", "1"));
    EXPECT_EQ(client.text("{foo}:new"), "1");
    EXPECT_EQ(client.run(client.backend->put_if_absent({keys[0], "2", {}}, within(5s))).value(),
              spi::Conditional::conflict);
    EXPECT_EQ(client.run(client.backend->put_if_absent({keys[1], "2", {}}, within(5s))).value(),
              spi::Conditional::conflict);
    const auto version = client.get(keys[0]).value()->version;
    EXPECT_EQ(client.run(client.backend->put_if_version({keys[0], "3", {}}, version, within(5s))).value(),
              spi::Conditional::stored);
    EXPECT_TRUE(client.touch(keys[0], 1h).value());
    EXPECT_TRUE(client.touch(keys[1], 1h).value());
    EXPECT_TRUE(client.erase(keys[0]).value());
    EXPECT_TRUE(client.erase(keys[1]).value());
    EXPECT_EQ(client.text(keys[0]), "(none)");
}

TEST_F(RedisClusterResharding, a_user_needs_the_rights_that_the_page_names_and_no_others) {
    for (std::size_t i = 0; i < cluster.size(); ++i) {
        ASSERT_EQ(cluster.ask(i, "ACL SETUSER alice on >pw ~* +mget +set +unlink +pexpire +eval +getrange +exists "
                                 "+ping +scan +client|setname +cluster|slots +asking"),
                  "+OK");
    }
    Client client(
        backend_of(cluster.urls(), {.node = {.username = "alice", .password = "pw", .blocking_connections = 0}}));
    const auto keys = names("{foo}:", 10);
    put_all(client, keys);
    begin_move(slot_of(cluster, "foo"), 2, 0);
    move_key(keys[0], 2, 0);
    for (const auto& lookup : client.run(client.backend->get_many(views(keys), within(5s))))
        EXPECT_TRUE(lookup && *lookup);
    for (const auto& key : {keys[0], keys[1]}) {
        const auto version = client.get(key).value()->version;
        EXPECT_EQ(client.run(client.backend->put_if_version({key, "2", {}}, version, within(5s))).value(),
                  spi::Conditional::stored);
        EXPECT_TRUE(client.touch(key, 1h).value());
        EXPECT_TRUE(client.erase(key).value());
        EXPECT_EQ(client.run(client.backend->put_if_absent({key, "3", {}}, within(5s))).value(),
                  spi::Conditional::stored);
    }
    EXPECT_TRUE(client.ping());
    EXPECT_TRUE(client.run(client.backend->scan("", "", within(5s))));
    EXPECT_EQ(RawRedis(cluster.node(0).port()).clients_named("tiercel").count, 1U);
}

/// Writes and reads keys of its own, one after the other, and holds what it reads against what it wrote.
boost::asio::awaitable<void> keep_using(std::shared_ptr<spi::Backend> backend, std::vector<std::string> keys,
                                        std::atomic<bool>& stop, std::atomic<int>& right, std::atomic<int>& wrong) {
    std::map<std::string, int> written;
    for (int turn = 1; !stop; ++turn) {
        const auto& key = keys[static_cast<std::size_t>(turn) % keys.size()];
        const auto value = key + "=" + std::to_string(turn);
        const std::vector<spi::PutItem> items{{key, value, {}}};
        const auto put = co_await backend->put_many(items, within(20s));
        if (!put[0]) {
            ADD_FAILURE() << put[0].error().message();
            ++wrong;
            continue;
        }
        written[key] = turn;
        std::vector<BytesView> wanted;
        for (const auto& [name, when] : written)
            wanted.push_back(name);
        const auto lookups = co_await backend->get_many(wanted, within(20s));
        std::size_t i = 0;
        for (const auto& [name, when] : written) {
            const auto& lookup = lookups[i++];
            const bool as_written =
                lookup && lookup.value() && lookup.value()->value == name + "=" + std::to_string(when);
            ++(as_written ? right : wrong);
        }
    }
}

TEST_F(RedisClusterResharding, under_load_loses_nothing) {
    Client client(backend_of(cluster.urls()));
    std::atomic<bool> stop{false};
    std::atomic<int> right{0};
    std::atomic<int> wrong{0};
    std::vector<std::future<void>> users;
    std::vector<std::string> all;
    for (int i = 0; i < 8; ++i) {
        const auto own = names("{foo}:" + std::to_string(i) + ":", 10);
        all.insert(all.end(), own.begin(), own.end());
        users.push_back(client.start(keep_using(client.backend, own, stop, right, wrong)));
    }
    const auto slot = slot_of(cluster, "foo");
    std::size_t from = 2;
    for (int round = 0; round < 6; ++round) {
        const std::size_t to = (from + 1) % 3;
        const auto before = right.load();
        EXPECT_TRUE(wait_until([&] { return right > before + 500; }));
        begin_move(slot, from, to);
        for (const auto& key : all) {
            const auto then = right.load();
            move_key(key, from, to);
            EXPECT_TRUE(wait_until([&] { return right > then; }));
        }
        for (const auto& key : all)
            move_key(key, from, to);
        give(slot, to);
        from = to;
    }
    stop = true;
    for (auto& user : users)
        user.get();
    EXPECT_EQ(wrong, 0);
    int asked = 0;
    int tried = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        asked += errors(cluster, i, "ASK");
        tried += errors(cluster, i, "TRYAGAIN");
    }
    EXPECT_GT(asked, 0);
    EXPECT_GT(tried, 0);
}

TEST_F(RedisClusterResharding, a_node_that_gave_all_away_is_let_go) {
    Client client(backend_of(cluster.urls(), impatient({.refresh_interval = 1ms})));
    put_all(client, names("key:", 100));
    ASSERT_EQ(connections(cluster, 2), 1U);
    ASSERT_EQ(cluster.ask(2, "FLUSHALL"), "+OK");
    for (const std::size_t node : {1U, 2U})
        ASSERT_EQ(cluster.ask(node, "CLUSTER DELSLOTSRANGE 10923 16383"), "+OK");
    ASSERT_EQ(cluster.ask(1, "CLUSTER ADDSLOTSRANGE 10923 16383"), "+OK");
    ASSERT_EQ(cluster.ask(1, "CLUSTER BUMPEPOCH").substr(0, 7), "+BUMPED");
    ASSERT_EQ(cluster.ask(0, "CLUSTER FORGET " + cluster.id(2)), "+OK");
    ASSERT_EQ(cluster.ask(1, "CLUSTER FORGET " + cluster.id(2)), "+OK");
    EXPECT_TRUE(wait_until([&] {
        client.text("foo", 100ms);
        return connections(cluster, 2) == 0;
    }));
    EXPECT_TRUE(wait_until([&] { return client.put("foo", "bar").has_value(); }));
    EXPECT_EQ(client.text("foo"), "bar");
}

/// Three masters with a replica each, of which any two keep serving their own slots.
class RedisClusterFailOver : public ::testing::Test {
protected:
    RedisCluster cluster{{.replicas_each = 1, .arguments = {"--cluster-require-full-coverage", "no"}}};
};

struct Outcomes {
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::atomic<int> untyped{0};
    std::array<std::atomic<int>, 3> good{};    // by the node that owned the slot at first
    std::array<std::atomic<int>, 3> failed{};  // likewise
    std::array<std::atomic<int>, 3> cut_off{}; // of the failed, for want of a connection
};

bool is_outage(const Error& error) {
    return error == Errc::connection_failed || error == Errc::connection_lost || error == Errc::timeout ||
           error == Errc::not_ready;
}

/// Reads and writes batches over all nodes. A value names its key; a key is never erased, but a fail-over may lose
/// what was written last, so that nothing is a good answer too.
boost::asio::awaitable<void> use_through_outage(std::shared_ptr<spi::Backend> backend, std::vector<std::string> keys,
                                                std::vector<std::size_t> owners, Outcomes& outcomes) {
    while (!outcomes.stop) {
        std::vector<spi::PutItem> items;
        std::vector<BytesView> wanted;
        for (const auto& key : keys) {
            items.push_back({key, key, {}});
            wanted.push_back(key);
        }
        const auto puts = co_await backend->put_many(items, within(200ms));
        const auto lookups = co_await backend->get_many(wanted, within(200ms));
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const auto count = [&](const auto& result) {
                if (result) {
                    ++outcomes.good[owners[i]];
                } else {
                    ++outcomes.failed[owners[i]];
                    if (result.error() == Errc::connection_failed || result.error() == Errc::connection_lost) {
                        ++outcomes.cut_off[owners[i]];
                    }
                    if (!is_outage(result.error())) {
                        ++outcomes.untyped;
                        ADD_FAILURE() << result.error().message();
                    }
                }
            };
            count(puts[i]);
            count(lookups[i]);
            if (lookups[i] && *lookups[i] && (*lookups[i])->value != keys[i]) ++outcomes.wrong;
        }
    }
}

TEST_F(RedisClusterFailOver, a_killed_master_fails_its_keys_until_its_replica_has_taken_over) {
    Client client(backend_of(cluster.urls(), impatient({.node = {.max_silence = 1min}})));
    const auto all = names("key:", 60);
    put_all(client, all);
    std::vector<std::size_t> owners;
    for (const auto& name : all)
        owners.push_back(cluster.first_owner(slot_of(cluster, name)));
    Outcomes outcomes;
    std::vector<std::future<void>> users;
    for (int i = 0; i < 4; ++i)
        users.push_back(client.start(use_through_outage(client.backend, all, owners, outcomes)));
    const auto served = [&](std::size_t node) {
        const auto before = outcomes.good[node].load();
        return wait_until([&] { return outcomes.good[node] > before + 200; });
    };
    for (std::size_t node = 0; node < 3; ++node)
        EXPECT_TRUE(served(node));

    cluster.node(1).kill9();
    const auto failed = outcomes.failed[1].load();
    EXPECT_TRUE(wait_until([&] { return outcomes.failed[1] > failed + 10; }));
    EXPECT_TRUE(served(0)) << "the others go on";
    EXPECT_TRUE(served(2)) << "the others go on";
    EXPECT_TRUE(
        wait_until([&] { return cluster.ask(4, "INFO replication").find("role:master") != std::string::npos; }));
    EXPECT_TRUE(served(1)) << "by the replica";
    for (const std::size_t node : {0U, 2U})
        EXPECT_EQ(outcomes.cut_off[node], 0);
    EXPECT_GT(outcomes.cut_off[1], 0);

    // The old master comes back as a replica, and nobody minds.
    cluster.node(1).restart();
    EXPECT_TRUE(wait_until([&] { return cluster.ask(1, "INFO replication").find("role:slave") != std::string::npos; }));
    for (std::size_t node = 0; node < 3; ++node)
        EXPECT_TRUE(served(node));
    outcomes.stop = true;
    for (auto& user : users)
        user.get();
    EXPECT_EQ(outcomes.wrong, 0);
    EXPECT_EQ(outcomes.untyped, 0);
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisClusterFailOver, nodes_that_were_all_restarted_are_used_again) {
    Client client(backend_of(cluster.urls(), impatient()));
    put_all(client, names("key:", 100));
    for (std::size_t i = 0; i < cluster.size(); ++i)
        cluster.node(i).kill9();
    const auto lookup = client.get("key:1", 200ms);
    ASSERT_FALSE(lookup);
    EXPECT_TRUE(is_outage(lookup.error())) << lookup.error().message();
    for (std::size_t i = 0; i < cluster.size(); ++i)
        cluster.node(i).restart();
    for (const auto& key : names("key:", 100))
        ASSERT_TRUE(wait_until([&] { return client.put(key, key, std::nullopt, 200ms).has_value(); })) << key;
    for (const auto& key : names("key:", 100))
        EXPECT_EQ(client.text(key), key);
}

} // namespace
} // namespace tiercel::redis::test
