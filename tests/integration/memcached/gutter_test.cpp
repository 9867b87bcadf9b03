#include "calls.hpp"

#include "support/fault_proxy.hpp"
#include "support/memcached_server.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>

namespace tiercel::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Three servers, and two that stand in for dead ones.
struct MemcachedGutter : ::testing::Test {
    std::array<MemcachedServer, 3> servers;
    std::array<MemcachedServer, 2> standing_in;
    std::vector<Bytes> keys;
    std::vector<BytesView> views;
    Calls cache = pool();

    MemcachedGutter() {
        for (int i = 0; i < 90; ++i)
            keys.push_back("key:" + std::to_string(i));
        views.assign(keys.begin(), keys.end());
    }
    std::string list() const { return servers[0].address() + "," + servers[1].address() + "," + servers[2].address(); }
    Calls pool(std::chrono::milliseconds max_ttl = 1min) const {
        return Calls(list(),
                     {.reconnect_delay_min = 1ms,
                      .reconnect_delay_max = 10ms,
                      .gutter = memcached::Gutter{.servers = standing_in[0].address() + "," + standing_in[1].address(),
                                                  .max_ttl = max_ttl,
                                                  .dead_after = 100ms}});
    }
    void put_all(const std::string& value) const {
        std::vector<spi::PutItem> items;
        for (const auto& key : keys)
            items.push_back({.key = key, .value = value, .ttl = {}});
        for (const auto& put : cache.put_many(items))
            ASSERT_EQ(text(put), "done");
    }
    std::vector<Bytes> keys_on(const MemcachedServer& server) const {
        std::vector<Bytes> there;
        const auto found = Calls(server.address()).get_many(views);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (found[i] && *found[i]) there.push_back(keys[i]);
        }
        return there;
    }
    /// The keys of server 1, which is killed, and known to be dead.
    std::vector<Bytes> kill_one() {
        auto lost = keys_on(servers[1]);
        servers[1].kill9();
        EXPECT_TRUE(wait_until([&] { return text(cache.get(lost.front())) == "<nothing>"; }));
        return lost;
    }
    bool is_served_by_gutter(const Bytes& key) const {
        EXPECT_EQ(text(cache.put(key, "probe")), "done");
        return text(Calls(standing_in[0].address()).get(key)) == "probe" ||
               text(Calls(standing_in[1].address()).get(key)) == "probe";
    }
};

TEST_F(MemcachedGutter, holds_nothing_while_all_are_alive) {
    put_all("v");
    EXPECT_TRUE(keys_on(standing_in[0]).empty());
    EXPECT_TRUE(keys_on(standing_in[1]).empty());
}

TEST_F(MemcachedGutter, takes_the_keys_of_a_killed_server_and_no_others) {
    put_all("v");
    const auto lost = kill_one();
    std::vector<spi::PutItem> items;
    for (const auto& key : keys)
        items.push_back({.key = key, .value = "w", .ttl = {}});
    for (const auto& put : cache.put_many(items))
        EXPECT_EQ(text(put), "done");
    for (const auto& found : cache.get_many(views))
        EXPECT_EQ(text(found), "w");
    auto in_gutter = keys_on(standing_in[0]);
    const auto more = keys_on(standing_in[1]);
    EXPECT_FALSE(in_gutter.empty());
    EXPECT_FALSE(more.empty());
    in_gutter.insert(in_gutter.end(), more.begin(), more.end());
    EXPECT_EQ(std::set<Bytes>(in_gutter.begin(), in_gutter.end()), std::set<Bytes>(lost.begin(), lost.end()));
    EXPECT_EQ(text(cache.touch(lost.front(), 30s)), "true");
    EXPECT_EQ(text(cache.ping()), "done");
}

TEST_F(MemcachedGutter, does_at_once_what_finds_out_that_a_server_is_dead) {
    put_all("v");
    const auto lost = keys_on(servers[1]);
    servers[1].kill9();
    const auto fresh = pool(); // without a connection that could break
    EXPECT_EQ(text(fresh.put(lost.front(), "w")), "done");
    EXPECT_EQ(text(fresh.get(lost.front())), "w");
}

TEST_F(MemcachedGutter, keeps_what_it_takes_only_briefly) {
    put_all("v");
    const auto lost = kill_one();
    const auto brief = pool(1s);
    for (const auto ttl : {std::optional<std::chrono::milliseconds>(), {1h}, {1ms}}) {
        EXPECT_EQ(text(brief.put(lost.front(), "w", ttl)), "done");
        const auto found = brief.get(lost.front());
        ASSERT_TRUE(found && *found) << text(found);
        EXPECT_LE((*found)->remaining_ttl.value_or(1h), 2s);
    }
    EXPECT_EQ(text(brief.touch(lost.front(), 1h)), "true");
    EXPECT_TRUE(wait_until([&] { return text(brief.get(lost.front())) == "<nothing>"; }));
}

TEST_F(MemcachedGutter, erases_its_own_and_says_that_the_owner_did_not) {
    put_all("v");
    const auto lost = kill_one();
    EXPECT_EQ(text(cache.put(lost.front(), "w")), "done");
    const auto erased = cache.erase(lost.front());
    EXPECT_EQ(text(erased), "connection_failed");
    EXPECT_THAT(erased.error().message(), AllOf(HasSubstr(servers[1].address()), HasSubstr("gutter")));
    EXPECT_EQ(text(cache.get(lost.front())), "<nothing>");
}

TEST_F(MemcachedGutter, leaves_conditional_writes_to_the_owner) {
    put_all("v");
    const auto lost = kill_one();
    EXPECT_EQ(text(cache.put_if_absent(lost.front(), "w")), "connection_failed");
    EXPECT_EQ(text(cache.put(lost.front(), "w")), "done");
    const auto version = cache.get(lost.front()).value()->version;
    EXPECT_EQ(text(cache.put_if_version(lost.front(), "x", version)), "conflict");
    servers[1].restart();
    EXPECT_TRUE(wait_until([&] { return text(cache.put_if_absent(lost.front(), "y")) == "stored"; }));
    EXPECT_EQ(text(cache.put_if_version(lost.front(), "x", version)), "conflict");
    EXPECT_EQ(text(cache.get(lost.front())), "y");
}

TEST_F(MemcachedGutter, gives_the_keys_back_to_a_server_that_was_restarted) {
    put_all("v");
    const auto lost = kill_one();
    EXPECT_EQ(text(cache.put(lost.front(), "w")), "done");
    servers[1].restart();
    EXPECT_TRUE(wait_until([&] { return text(cache.get(lost.front())) == "<nothing>"; })); // the owner is empty
    EXPECT_EQ(text(cache.put(lost.front(), "x")), "done");
    EXPECT_EQ(text(Calls(servers[1].address()).get(lost.front())), "x");
}

TEST_F(MemcachedGutter, takes_over_from_a_stopped_server_and_gives_back_when_it_goes_on) {
    put_all("v");
    const auto hung = keys_on(servers[0]);
    servers[0].stop_replying();
    EXPECT_TRUE(wait_until([&] { return text(cache.get(hung.front(), 20ms)) == "<nothing>"; }));
    EXPECT_EQ(text(cache.put(hung.front(), "w", {}, 5s)), "done");
    EXPECT_EQ(text(cache.get(hung.front(), 5s)), "w");
    servers[0].resume();
    // The owner has kept its memory: what was written meanwhile is not there.
    EXPECT_TRUE(wait_until([&] { return text(cache.get(hung.front())) == "v"; }));
}

TEST_F(MemcachedGutter, spares_a_dead_server_the_calls_of_many) {
    FaultProxy proxy(servers[0].port());
    const Calls guarded("127.0.0.1:" + std::to_string(proxy.port()),
                        {.connect_timeout = 50ms,
                         .reconnect_delay_min = 1h,
                         .reconnect_delay_max = 1h,
                         .blocking_connections = 1,
                         .gutter = memcached::Gutter{.servers = standing_in[0].address()}});
    proxy.swallow(); // it accepts, and does not greet
    std::atomic<int> served{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 8; ++i) {
        callers.emplace_back([&] {
            for (const auto& key : keys)
                if (guarded.put(key, key) && text(guarded.get(key)) == key) ++served;
        });
    }
    for (auto& caller : callers)
        caller.join();
    EXPECT_EQ(served, 8 * 90); // even those who found it out
    EXPECT_EQ(proxy.accepted(), 1u);
}

TEST_F(MemcachedGutter, that_is_dead_itself_is_an_error_that_names_it) {
    put_all("v");
    const auto lost = kill_one();
    for (auto& server : standing_in)
        server.kill9();
    EXPECT_TRUE(wait_until([&] { return text(cache.get(lost.front())) == "<connection_failed>"; }));
    EXPECT_THAT(cache.get(lost.front()).error().message(), ::testing::ContainsRegex("127.0.0.1:[0-9]+"));
    for (const auto& key : keys_on(servers[0]))
        EXPECT_EQ(text(cache.get(key)), "v");
}

TEST_F(MemcachedGutter, answers_callers_throughout_while_a_server_comes_and_goes) {
    put_all("v");
    const auto lost = keys_on(servers[1]);
    std::atomic<bool> stop{false};
    std::atomic<int> answered{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
        callers.emplace_back([&] {
            while (!stop) {
                for (const auto& key : lost) {
                    const auto put = cache.put(key, "value of " + key, {}, 2s);
                    const auto found = cache.get(key, 2s);
                    if (put && found) ++answered;
                    if (found && *found && (*found)->value != "value of " + key && (*found)->value != "v") ++wrong;
                }
            }
        });
    }
    for (int round = 0; round < 3; ++round) {
        for (const bool kill : {true, false}) {
            kill ? servers[1].kill9() : servers[1].restart();
            const int before = answered;
            EXPECT_TRUE(wait_until([&] { return answered > before + 200; }));
        }
    }
    stop = true;
    for (auto& caller : callers)
        caller.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(wait_until([&] { return !is_served_by_gutter(lost.front()); }));
}

} // namespace
} // namespace tiercel::test
