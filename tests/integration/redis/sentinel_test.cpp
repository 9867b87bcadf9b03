#include "client.hpp"
#include "peer.hpp"
#include "raw_redis.hpp"

#include "support/redis_sentinels.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace tiercel::redis::test {
namespace {

using tiercel::test::RedisSentinels;
using tiercel::test::wait_until;

SentinelOptions impatient(SentinelOptions options = {}) {
    if (options.master_name.empty()) options.master_name = "mymaster";
    options.node.reconnect_delay_min = 1ms;
    options.node.reconnect_delay_max = 50ms;
    return options;
}

std::shared_ptr<spi::Backend> backend_of(const std::vector<std::string>& sentinels,
                                         const SentinelOptions& options = {.master_name = "mymaster"}) {
    auto connected = connect_sentinel(sentinels, options);
    if (!connected) throw std::runtime_error(connected.error().message());
    return *connected;
}

std::size_t connections(RedisSentinels& set, std::size_t server, const std::string& name = "tiercel") {
    for (int attempt = 0;; ++attempt) {
        try {
            return RawRedis(set.server(server).port()).clients_named(name).count;
        } catch (const std::exception&) {
            if (attempt == 3) throw; // else: sentinels cut a server's clients off when they give it another part
        }
    }
}
std::size_t subscriptions(RedisSentinels& set, std::size_t sentinel) {
    RawRedis raw(set.sentinel(sentinel).port());
    const auto list = raw.bulk("CLIENT LIST TYPE PUBSUB");
    std::size_t count = 0;
    for (auto at = list.find(" name=tiercel "); at != std::string::npos; at = list.find(" name=tiercel ", at + 1))
        ++count;
    return count;
}

/// One for the tests that leave it as it was, but for the keys.
class RedisSentinel : public ::testing::Test {
protected:
    static void SetUpTestSuite() { set_ = std::make_unique<RedisSentinels>(); }
    static void TearDownTestSuite() { set_.reset(); }

    static RedisSentinels& set() { return *set_; }

private:
    static inline std::unique_ptr<RedisSentinels> set_;
};

TEST_F(RedisSentinel, leads_to_the_master) {
    Client client(backend_of(set().urls()));
    ASSERT_TRUE(client.put("key", "value"));
    EXPECT_EQ(client.text("key"), "value");
    EXPECT_TRUE(client.ping());
    EXPECT_EQ(set().ask(0, "EXISTS key"), ":1");
    EXPECT_GT(connections(set(), 0), 0U);
    EXPECT_EQ(connections(set(), 1), 0U);
    EXPECT_TRUE(client.erase("key").value());
}

TEST_F(RedisSentinel, is_listened_to_and_let_go_with_the_backend) {
    {
        Client client(backend_of(set().urls()));
        ASSERT_TRUE(client.ping());
        for (std::size_t i = 0; i < set().sentinels(); ++i)
            EXPECT_TRUE(wait_until([&] { return subscriptions(set(), i) == 1; }));
    }
    for (std::size_t i = 0; i < set().sentinels(); ++i)
        EXPECT_TRUE(wait_until([&] { return subscriptions(set(), i) == 0; }));
    EXPECT_TRUE(wait_until([&] { return connections(set(), 0) == 0; }));
}

TEST_F(RedisSentinel, that_is_down_or_knows_nothing_is_passed_over) {
    tiercel::test::SentinelServer ignorant("");
    Client client(backend_of({"redis://127.0.0.1:1", ignorant.url(), set().server(1).url(), set().sentinel(2).url()}));
    EXPECT_TRUE(client.put("key", "value")) << "by the last of them";
    EXPECT_EQ(client.text("key"), "value");
}

TEST_F(RedisSentinel, that_hangs_is_waited_for_no_longer_than_it_takes_most) {
    const Peer silent({"+OK\r\n+PONG\r\n"}, Peer::AtEnd::stay);
    const Peer deaf({}, Peer::AtEnd::stay);
    Client client(backend_of({silent.url(), set().sentinel(0).url(), set().sentinel(1).url()},
                             {.master_name = "mymaster", .node = {.connect_timeout = 1min}}));
    EXPECT_TRUE(client.ping()) << "two of three have told";

    Client alone(backend_of({silent.url(), deaf.url(), set().sentinel(2).url()},
                            {.master_name = "mymaster", .node = {.connect_timeout = 200ms}}));
    EXPECT_TRUE(alone.ping()) << "when the time of the others was over";
}

TEST_F(RedisSentinel, does_not_know_a_wrong_name) {
    Client client(backend_of(set().urls(), {.master_name = "yourmaster"}));
    const auto put = client.put("key", "value");
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code(), Errc::invalid_option);
    EXPECT_NE(put.error().message().find("SentinelOptions::master_name"), std::string::npos) << put.error().message();
}

TEST_F(RedisSentinel, is_no_plain_server) {
    Client client(backend_of({set().server(0).url()}));
    EXPECT_EQ(code_of(client.ping()), Errc::unsupported);
}

TEST_F(RedisSentinel, nobody_there_fails_fast_while_the_back_off_lasts) {
    Client nobody(
        backend_of({"redis://127.0.0.1:1", "redis://127.0.0.1:2"},
                   {.master_name = "mymaster", .node = {.reconnect_delay_min = 1h, .reconnect_delay_max = 1h}}));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(nobody.text("key", 1h), "connection_failed");
}

/// What a sentinel says to the two questions.
std::string naming(std::uint16_t port, const std::string& epoch) {
    const auto bulk = [](const std::string& text) {
        return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
    };
    return "*2\r\n" + bulk("127.0.0.1") + bulk(std::to_string(port)) + "*2\r\n" + bulk("config-epoch") + bulk(epoch);
}

TEST_F(RedisSentinel, that_lies_does_not_lead_astray) {
    const std::string log_in = "+OK\r\n+PONG\r\n";
    const std::string greatest = "18446744073709551615";
    for (const auto& lie :
         {naming(1, greatest), naming(set().server(1).port(), greatest), naming(set().sentinel(0).port(), greatest),
          std::string("*2\r\n$1\r\nh\r\n$1\r\n0\r\n*0\r\n"), std::string("+OK\r\n+OK\r\n"),
          std::string("*100000000\r\n")}) {
        const Peer liar({log_in, lie, lie, lie, lie, lie, lie, lie, lie}, Peer::AtEnd::stay);
        Client client(backend_of({liar.url(), set().sentinel(0).url(), set().sentinel(1).url()}));
        for (int i = 0; i < 20; ++i)
            EXPECT_TRUE(client.put("key", "value"));
        EXPECT_EQ(set().ask(0, "EXISTS key"), ":1");
        EXPECT_TRUE(client.erase("key").value());
    }
}

TEST_F(RedisSentinel, leads_to_the_database_that_is_asked_for) {
    Client client(backend_of(set().urls(), {.master_name = "mymaster", .database = 3}));
    ASSERT_TRUE(client.put("in3", "value"));
    EXPECT_EQ(set().ask(0, "EXISTS in3"), ":0");
    RawRedis raw(set().server(0).port());
    EXPECT_EQ(raw("SELECT 3"), "+OK");
    EXPECT_EQ(raw("EXISTS in3"), ":1");
}

TEST_F(RedisSentinel, scan_finds_all_keys) {
    Client client(backend_of(set().urls()));
    std::vector<std::string> names;
    std::vector<spi::PutItem> items;
    for (int i = 0; i < 2000; ++i)
        names.push_back("scan:" + std::to_string(i));
    for (const auto& name : names)
        items.push_back({name, name, {}});
    for (const auto& put : client.run(client.backend->put_many(items, within(5s))))
        ASSERT_TRUE(put);
    std::size_t found = 0;
    std::string cursor;
    do {
        const auto page = client.run(client.backend->scan("scan:", cursor, within(5s)));
        ASSERT_TRUE(page) << page.error().message();
        found += page->keys.size();
        cursor = page->cursor;
    } while (!cursor.empty());
    EXPECT_GE(found, 2000U);
    EXPECT_EQ(code_of(client.run(client.backend->scan("", "0@127.0.0.1:1", within(5s)))), Errc::moved);
}

struct Outcomes {
    std::atomic<bool> stop{false};
    std::atomic<int> good{0};
    std::atomic<int> failed{0};
    std::atomic<int> untyped{0};
};

bool is_outage(const Error& error) {
    return error == Errc::connection_failed || error == Errc::connection_lost || error == Errc::timeout ||
           error == Errc::not_ready || error == Errc::read_only;
}

/// Writes and reads without end. A fail-over may lose what was written last.
boost::asio::awaitable<void> keep_using(std::shared_ptr<spi::Backend> backend, std::string key, Outcomes& outcomes) {
    const auto count = [&](const auto& result) {
        if (result) {
            ++outcomes.good;
        } else {
            ++outcomes.failed;
            if (!is_outage(result.error())) {
                ++outcomes.untyped;
                ADD_FAILURE() << result.error().message();
            }
        }
    };
    const std::vector<spi::PutItem> items{{key, key, {}}};
    const std::vector<BytesView> keys{key};
    while (!outcomes.stop) {
        const auto puts = co_await backend->put_many(items, within(200ms));
        count(puts[0]);
        const auto lookups = co_await backend->get_many(keys, within(200ms));
        count(lookups[0]);
        if (lookups[0] && *lookups[0]) {
            EXPECT_EQ((*lookups[0])->value, key);
        }
    }
}

class RedisSentinelFailOver : public ::testing::Test {
protected:
    void start_users(Client& client) {
        for (int i = 0; i < 4; ++i)
            users_.push_back(client.start(keep_using(client.backend, "user:" + std::to_string(i), outcomes)));
    }
    void stop_users() {
        outcomes.stop = true;
        for (auto& user : users_)
            user.get();
        EXPECT_EQ(outcomes.untyped, 0);
    }
    bool served() {
        const auto before = outcomes.good.load();
        return wait_until([&] { return outcomes.good > before + 200; });
    }
    bool failing() {
        const auto before = outcomes.failed.load();
        return wait_until([&] { return outcomes.failed > before + 10; });
    }

    RedisSentinels set;
    Outcomes outcomes;

private:
    std::vector<std::future<void>> users_;
};

TEST_F(RedisSentinelFailOver, a_killed_master_is_replaced_and_its_successor_used) {
    Client client(backend_of(set.urls(), impatient()));
    start_users(client);
    EXPECT_TRUE(served());
    set.server(0).kill9();
    EXPECT_TRUE(failing());
    const auto successor = set.master_other_than(0);
    EXPECT_TRUE(served());
    EXPECT_GT(connections(set, successor), 0U);

    // The old one comes back and takes itself for the master until the sentinels tell it otherwise.
    set.server(0).restart();
    ASSERT_NE(set.ask(0, "INFO replication").find("role:master"), std::string::npos);
    EXPECT_TRUE(served());
    EXPECT_EQ(connections(set, 0), 0U);
    stop_users();
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisSentinelFailOver, a_stopped_master_that_resumes_gets_no_more_writes) {
    Client client(backend_of(set.urls(), impatient({.node = {.max_silence = 1min}})));
    start_users(client);
    EXPECT_TRUE(served());
    // A call with all the time in the world, on the connection to the old master.
    set.server(0).stop_replying();
    EXPECT_TRUE(failing());
    const std::vector<BytesView> keys{"key"};
    auto patient = client.start(client.backend->get_many(keys, within(1min)));
    const auto successor = set.master_other_than(0);
    EXPECT_TRUE(served());
    EXPECT_EQ(code_of(patient.get().at(0)), Errc::connection_lost) << "ended when another was known to be the master";

    set.server(0).resume();
    RawRedis old(set.server(0).port());
    ASSERT_EQ(old("SET proof that-it-would-take-writes"), "+OK") << "it does not know yet";
    EXPECT_TRUE(wait_until([&] { return old.clients_named("tiercel").count == 0; }));
    EXPECT_TRUE(client.put("after", "value"));
    EXPECT_EQ(old("EXISTS after"), ":0");
    EXPECT_EQ(set.ask(successor, "EXISTS after"), ":1");
    EXPECT_TRUE(served());
    stop_users();
}

TEST_F(RedisSentinelFailOver, is_noticed_without_a_call_by_the_subscription) {
    Client client(backend_of(set.urls(), impatient({.ask_interval = 1min})));
    ASSERT_TRUE(client.ping());
    for (std::size_t i = 0; i < set.sentinels(); ++i)
        ASSERT_TRUE(wait_until([&] { return subscriptions(set, i) == 1; }));
    ASSERT_EQ(set.ask_sentinel(0, "SENTINEL FAILOVER mymaster"), "+OK");
    const auto successor = set.master_other_than(0);
    EXPECT_TRUE(wait_until([&] { return connections(set, successor) > 0; }));
    EXPECT_TRUE(wait_until([&] { return connections(set, 0) == 0; }));
    EXPECT_TRUE(client.put("key", "value"));
}

TEST_F(RedisSentinelFailOver, is_noticed_by_asking_when_there_is_no_subscription) {
    for (std::size_t i = 0; i < set.sentinels(); ++i)
        ASSERT_EQ(set.ask_sentinel(i, "ACL SETUSER default -subscribe"), "+OK");
    Client client(backend_of(set.urls(), impatient({.ask_interval = 10ms})));
    ASSERT_TRUE(client.ping());
    ASSERT_EQ(set.ask_sentinel(0, "SENTINEL FAILOVER mymaster"), "+OK");
    const auto successor = set.master_other_than(0);
    EXPECT_TRUE(wait_until([&] {
        client.text("key");
        return connections(set, successor) > 0;
    }));
    // The connection may be the search's own, which is not over yet.
    EXPECT_TRUE(wait_until([&] { return bool(client.put("key", "value")); }));
    for (std::size_t i = 0; i < set.sentinels(); ++i)
        EXPECT_EQ(subscriptions(set, i), 0U);
}

TEST_F(RedisSentinelFailOver, a_subscription_that_is_lost_is_taken_up_again) {
    Client client(backend_of(set.urls(), impatient()));
    ASSERT_TRUE(client.ping());
    ASSERT_TRUE(wait_until([&] { return subscriptions(set, 0) == 1; }));
    set.sentinel(0).restart();
    EXPECT_TRUE(wait_until([&] { return subscriptions(set, 0) == 1; }));
    set.sentinel(1).stop_replying(); // silent, not closed
    set.sentinel(1).resume();
    ASSERT_EQ(set.ask_sentinel(2, "CLIENT KILL TYPE pubsub").substr(0, 1), ":");
    EXPECT_TRUE(wait_until([&] { return subscriptions(set, 2) == 1; }));
}

TEST_F(RedisSentinelFailOver, a_master_that_was_made_a_replica_is_used_for_nothing) {
    Client client(backend_of(set.urls(), impatient({.ask_interval = 1h})));
    ASSERT_TRUE(client.put("key", "value"));
    ASSERT_EQ(set.ask(0, "REPLICAOF 127.0.0.1 " + std::to_string(set.server(1).port())), "+OK");
    EXPECT_TRUE(wait_until([&] { return code_of(client.put("key", "value")) == Errc::read_only; }));
    // The sentinels still name it, but by its own word it is none: it is not read from either.
    EXPECT_TRUE(wait_until([&] { return client.text("key") == "read_only"; }));
    ASSERT_EQ(set.ask(0, "REPLICAOF NO ONE"), "+OK");
    EXPECT_TRUE(wait_until([&] { return client.put("key", "value").has_value(); }));
}

TEST(RedisSentinelWith, passwords_of_its_own_and_of_the_servers) {
    RedisSentinels set({.replicas = 1, .password = "s3cret", .sentinel_password = "other"});
    std::vector<std::string> urls;
    for (const auto& url : set.urls())
        urls.push_back("redis://:other@" + url.substr(std::string("redis://").size()));
    Client client(backend_of(urls, {.master_name = "mymaster", .node = {.password = "s3cret"}}));
    EXPECT_TRUE(client.put("key", "value"));

    Client wrong(backend_of(urls, {.master_name = "mymaster", .node = {.password = "wr0ng"}}));
    const auto put = wrong.put("key", "value");
    ASSERT_EQ(code_of(put), Errc::authentication_failed);
    EXPECT_EQ(put.error().message().find("wr0ng"), std::string::npos);

    Client stranger(backend_of(set.urls(), {.master_name = "mymaster", .node = {.password = "s3cret"}}));
    EXPECT_EQ(code_of(stranger.put("key", "value")), Errc::authentication_failed);
}

TEST(RedisSentinelWith, users_need_the_rights_that_the_page_names_and_no_others) {
    RedisSentinels set({.replicas = 0});
    for (std::size_t i = 0; i < set.sentinels(); ++i) {
        ASSERT_EQ(set.ask_sentinel(i, "ACL SETUSER watch on >pw &+switch-master +sentinel|get-master-addr-by-name "
                                      "+sentinel|master +subscribe +ping +client|setname"),
                  "+OK");
    }
    ASSERT_EQ(set.ask(0, "ACL SETUSER alice on >pw ~* +mget +set +unlink +pexpire +eval +getrange +exists +ping +scan "
                         "+client|setname +role"),
              "+OK");
    std::vector<std::string> urls;
    for (const auto& url : set.urls())
        urls.push_back("redis://watch:pw@" + url.substr(std::string("redis://").size()));
    Client client(backend_of(urls, {.master_name = "mymaster", .node = {.username = "alice", .password = "pw"}}));
    EXPECT_TRUE(client.put("key", "value"));
    EXPECT_EQ(client.text("key"), "value");
    EXPECT_TRUE(client.ping());
    for (std::size_t i = 0; i < set.sentinels(); ++i)
        EXPECT_TRUE(wait_until([&] { return subscriptions(set, i) == 1; }));
}

} // namespace
} // namespace tiercel::redis::test
