#include "both_clients.hpp"

#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <libmemcached-1.0/memcached.h>

#include <array>
#include <cstdlib>
#include <set>

namespace tiercel::test {
namespace {

struct MemcachedPool : ::testing::TestWithParam<MemcachedClient> {
    std::array<MemcachedServer, 3> servers{MemcachedServer(server_for(GetParam())),
                                           MemcachedServer(server_for(GetParam())),
                                           MemcachedServer(server_for(GetParam()))};
    std::vector<Bytes> keys;
    std::vector<BytesView> views;
    Calls cache =
        calls_over(GetParam(), servers[0].address() + ", " + servers[1].address() + ", " + servers[2].address());

    MemcachedPool() {
        for (int i = 0; i < 90; ++i)
            keys.push_back("key:" + std::to_string(i));
        views.assign(keys.begin(), keys.end());
    }
    void put_all() {
        std::vector<spi::PutItem> items;
        for (const auto& key : keys)
            items.push_back({.key = key, .value = key, .ttl = {}});
        for (const auto& put : cache.put_many(items))
            ASSERT_EQ(text(put), "done");
    }
    /// The keys that live on one server, by asking it alone.
    std::set<Bytes> keys_on(const MemcachedServer& server) const {
        std::set<Bytes> there;
        const auto found = calls_over(GetParam(), server.address()).get_many(views);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (text(found[i]) == keys[i]) there.insert(keys[i]);
        }
        return there;
    }
};

INSTANTIATE_TEST_SUITE_P(Each, MemcachedPool, both_clients, client_name);

TEST_P(MemcachedPool, each_key_lives_on_one_server_and_each_server_has_some) {
    put_all();
    std::size_t all = 0;
    for (const auto& server : servers) {
        EXPECT_GT(keys_on(server).size(), 5u);
        all += keys_on(server).size();
    }
    EXPECT_EQ(all, keys.size());
    const auto found = cache.get_many(views);
    for (std::size_t i = 0; i < keys.size(); ++i)
        EXPECT_EQ(text(found[i]), keys[i]);
}

TEST_P(MemcachedPool, a_dead_servers_keys_are_its_errors_and_the_others_are_found) {
    put_all();
    const auto lost = keys_on(servers[1]);
    ASSERT_EQ(cache.get_many(views).size(), keys.size()); // connections to all three
    servers[1].kill9();
    for (int round = 0; round < 3; ++round) { // on a stale connection, on a refused one, and while left alone
        const auto found = cache.get_many(views);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (!lost.contains(keys[i])) {
                EXPECT_EQ(text(found[i]), keys[i]);
                continue;
            }
            const bool broke = round == 0 && text(found[i]) == "<connection_lost>";
            EXPECT_TRUE(broke || text(found[i]) == "<connection_failed>") << text(found[i]);
            EXPECT_THAT(found[i].error().message(), ::testing::HasSubstr(servers[1].address()));
        }
    }
    for (const auto& key : keys)
        EXPECT_EQ(text(cache.erase(key)), lost.contains(key) ? "connection_failed" : "true");
    EXPECT_EQ(text(cache.ping()), "done"); // the pool still serves

    servers[1].restart();
    const auto& key = *lost.begin();
    EXPECT_TRUE(wait_until([&] { return text(cache.put(key, "again")) == "done"; }));
    EXPECT_EQ(text(cache.get(key)), "again");
}

TEST_P(MemcachedPool, keys_do_not_move_while_their_server_is_dead) {
    put_all();
    const auto lost = keys_on(servers[2]);
    servers[2].kill9();
    EXPECT_FALSE(cache.put(*lost.begin(), "elsewhere"));
    EXPECT_FALSE(cache.put(*lost.begin(), "elsewhere"));
    EXPECT_EQ(keys_on(servers[0]).size() + keys_on(servers[1]).size() + lost.size(), keys.size());
    EXPECT_EQ(text(calls_over(GetParam(), servers[0].address()).get(*lost.begin())), "<nothing>");
    EXPECT_EQ(text(calls_over(GetParam(), servers[1].address()).get(*lost.begin())), "<nothing>");
}

TEST_P(MemcachedPool, a_hung_server_costs_only_its_own_keys) {
    put_all();
    const auto hung = keys_on(servers[0]);
    servers[0].stop_replying();
    const auto found = cache.get_many(views, 2s);
    servers[0].resume();
    for (std::size_t i = 0; i < keys.size(); ++i)
        EXPECT_EQ(text(found[i]), hung.contains(keys[i]) ? "<timeout>" : keys[i]);
    EXPECT_TRUE(wait_until([&] { return text(cache.get(*hung.begin())) == *hung.begin(); }));
}

TEST_P(MemcachedPool, with_no_server_alive_answers_no_ping) {
    for (auto& server : servers)
        server.kill9();
    EXPECT_EQ(text(cache.ping()), "connection_failed");
}

using ClientPtr = std::unique_ptr<memcached_st, decltype(&memcached_free)>;

TEST(MemcachedPlacement, is_that_of_any_other_client_of_libmemcached_and_so_are_the_bytes) {
    const std::array<MemcachedServer, 3> servers;
    const ClientPtr other(memcached_create(nullptr), memcached_free);
    memcached_behavior_set(other.get(), MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    std::string list;
    std::uint32_t weight = 0;
    for (const auto& server : servers) {
        memcached_server_add_with_weight(other.get(), "127.0.0.1", server.port(), ++weight);
        list += (list.empty() ? "" : ",") + server.address() + "?weight=" + std::to_string(weight);
    }
    const Calls ours(list);
    for (int i = 0; i < 200; ++i) {
        const auto key = "key:" + std::to_string(i);
        ASSERT_EQ(text(ours.put(key, "ours " + key)), "done");
        std::size_t size = 0;
        std::uint32_t flags = 1;
        memcached_return_t code = MEMCACHED_SUCCESS;
        const std::unique_ptr<char, decltype(&std::free)> value(
            memcached_get(other.get(), key.data(), key.size(), &size, &flags, &code), std::free);
        ASSERT_EQ(code, MEMCACHED_SUCCESS);
        EXPECT_EQ(std::string(value.get(), size), "ours " + key);
        EXPECT_EQ(flags, 0u);
        const auto theirs = "theirs " + key;
        ASSERT_EQ(memcached_set(other.get(), key.data(), key.size(), theirs.data(), theirs.size(), 60, 5),
                  MEMCACHED_SUCCESS);
        EXPECT_EQ(text(ours.get(key)), theirs);
    }
}

} // namespace
} // namespace tiercel::test
