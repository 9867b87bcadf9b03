#include "client.hpp"
#include "raw_redis.hpp"

#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace tiercel::redis::test {
namespace {

using tiercel::test::RedisServer;
using tiercel::test::wait_until;

std::shared_ptr<spi::Backend> backend_of(const std::vector<Shard>& shards, Options options = {}) {
    options.reconnect_delay_min = 1ms;
    options.reconnect_delay_max = 20ms;
    auto connected = connect_sharded(shards, options);
    if (!connected) throw std::runtime_error(connected.error().message());
    return *connected;
}

std::vector<std::string> names(const std::string& prefix, int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i)
        all.push_back(prefix + std::to_string(i));
    return all;
}

class RedisShards : public ::testing::Test {
protected:
    std::vector<Shard> list() const {
        std::vector<Shard> shards;
        for (const auto& server : servers)
            shards.push_back({server->url()});
        return shards;
    }
    int size_of(std::size_t server) { return std::stoi(RawRedis(servers[server]->port())("DBSIZE").substr(1)); }
    bool has(std::size_t server, const std::string& key) {
        return RawRedis(servers[server]->port())("EXISTS " + key) == ":1";
    }
    std::size_t home_of(const std::string& key) {
        std::size_t home = 0;
        while (home < servers.size() && !has(home, key))
            ++home;
        return home;
    }

    void put_all(Client& client, const std::vector<std::string>& keys) {
        std::vector<spi::PutItem> items;
        for (const auto& key : keys)
            items.push_back({key, key, {}});
        for (const auto& result : client.run(client.backend->put_many(items, within(20s))))
            ASSERT_TRUE(result) << result.error().message();
    }

    std::array<std::unique_ptr<RedisServer>, 3> servers{
        std::make_unique<RedisServer>(), std::make_unique<RedisServer>(), std::make_unique<RedisServer>()};
};

TEST_F(RedisShards, a_batch_is_spread_over_all_and_comes_back_in_order) {
    Client client(backend_of(list()));
    const auto present = names("key:", 3000);
    put_all(client, present);
    for (std::size_t i = 0; i < servers.size(); ++i)
        EXPECT_GT(size_of(i), 600);
    EXPECT_EQ(size_of(0) + size_of(1) + size_of(2), 3000);

    std::vector<std::string> wanted;
    for (const auto& name : present) {
        wanted.push_back(name);
        if (wanted.size() % 3 == 0) wanted.push_back("absent:" + name);
    }
    const std::vector<BytesView> keys(wanted.begin(), wanted.end());
    const auto lookups = client.run(client.backend->get_many(keys, within(20s)));
    ASSERT_EQ(lookups.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
        ASSERT_EQ(lookups[i].value().has_value(), !keys[i].starts_with("absent:")) << keys[i];
        if (*lookups[i]) {
            ASSERT_EQ((*lookups[i])->value, keys[i]);
        }
    }
    for (const auto& erased : client.run(client.backend->erase_many(keys, within(20s))))
        ASSERT_TRUE(erased);
    EXPECT_EQ(size_of(0) + size_of(1) + size_of(2), 0);
}

TEST_F(RedisShards, another_process_with_the_list_in_another_order_finds_the_keys) {
    Client client(backend_of(list()));
    const auto keys = names("key:", 200);
    put_all(client, keys);
    auto reversed = list();
    std::reverse(reversed.begin(), reversed.end());
    Client other(backend_of(reversed));
    for (const auto& key : keys)
        ASSERT_EQ(other.text(key), key);
}

TEST_F(RedisShards, a_server_can_be_replaced_under_its_name) {
    auto named = list();
    named[0].name = "a";
    named[1].name = "b";
    named[2].name = "c";
    Client client(backend_of(named));
    const auto keys = names("key:", 200);
    put_all(client, keys);
    const RedisServer successor;
    named[1].url = successor.url();
    Client other(backend_of(named));
    for (const auto& key : keys)
        ASSERT_EQ(other.text(key), home_of(key) == 1 ? "(none)" : key);
}

TEST_F(RedisShards, conditional_writes_go_where_the_key_is) {
    Client client(backend_of(list()));
    for (const auto& key : names("cond:", 50)) {
        EXPECT_EQ(client.run(client.backend->put_if_absent({key, "1", {}}, within(5s))).value(),
                  spi::Conditional::stored);
        const auto version = client.get(key).value()->version;
        EXPECT_EQ(client.run(client.backend->put_if_version({key, "2", {}}, version, within(5s))).value(),
                  spi::Conditional::stored);
        EXPECT_EQ(client.run(client.backend->put_if_version({key, "3", {}}, version, within(5s))).value(),
                  spi::Conditional::conflict);
        EXPECT_EQ(client.text(key), "2");
    }
}

TEST_F(RedisShards, a_killed_server_fails_its_own_keys_until_it_is_back) {
    Client client(backend_of(list()));
    const auto all = names("key:", 300);
    put_all(client, all);
    std::map<std::string, std::size_t> home;
    for (const auto& key : all)
        home[key] = home_of(key);
    const std::vector<BytesView> keys(all.begin(), all.end());

    servers[1]->kill9();
    const auto lookups = client.run(client.backend->get_many(keys, within(5s)));
    std::vector<spi::PutItem> items;
    for (const auto& key : all)
        items.push_back({key, "new", {}});
    const auto puts = client.run(client.backend->put_many(items, within(5s)));
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (home[all[i]] == 1) {
            ASSERT_FALSE(lookups[i]);
            EXPECT_TRUE(lookups[i].error() == Errc::connection_lost || lookups[i].error() == Errc::connection_failed)
                << lookups[i].error().message();
            EXPECT_FALSE(puts[i]);
        } else {
            ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
            EXPECT_EQ(lookups[i].value()->value, all[i]);
            EXPECT_TRUE(puts[i]);
        }
    }
    const auto ping = client.ping();
    ASSERT_FALSE(ping);
    EXPECT_NE(ping.error().message().find("127.0.0.1:" + std::to_string(servers[1]->port())), std::string::npos)
        << ping.error().message();

    servers[1]->restart();
    EXPECT_TRUE(wait_until([&] { return client.ping().has_value(); }));
    for (const auto& key : all)
        EXPECT_EQ(client.text(key), home[key] == 1 ? "(none)" : "new");
    put_all(client, all);
    for (const auto& key : all)
        EXPECT_EQ(home_of(key), home[key]) << "nothing has moved";
}

TEST_F(RedisShards, a_hung_server_fails_its_own_keys_by_the_deadline) {
    Client client(backend_of(list()));
    const auto all = names("key:", 100);
    put_all(client, all);
    std::map<std::string, std::size_t> home;
    for (const auto& key : all)
        home[key] = home_of(key);
    servers[2]->stop_replying();
    const std::vector<BytesView> keys(all.begin(), all.end());
    const auto lookups = client.run(client.backend->get_many(keys, within(200ms)));
    servers[2]->resume();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (home[all[i]] == 2) {
            EXPECT_EQ(code_of(lookups[i]), Errc::timeout);
        } else {
            ASSERT_TRUE(lookups[i]) << lookups[i].error().message();
        }
    }
}

TEST_F(RedisShards, scan_finds_the_keys_of_all) {
    Client client(backend_of(list()));
    const auto present = names("key:", 2000);
    put_all(client, present);
    std::set<std::string> found;
    std::string cursor;
    do {
        const auto page = client.run(client.backend->scan("key:", cursor, within(5s)));
        ASSERT_TRUE(page) << page.error().message();
        found.insert(page->keys.begin(), page->keys.end());
        cursor = page->cursor;
    } while (!cursor.empty());
    EXPECT_EQ(found, std::set<std::string>(present.begin(), present.end()));
    EXPECT_EQ(code_of(client.run(client.backend->scan("", "0@nobody", within(5s)))), Errc::moved);
}

} // namespace
} // namespace tiercel::redis::test
