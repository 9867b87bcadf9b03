// Callers that block and drive their connections themselves, through what servers and networks do to them.

#include "client.hpp"
#include "raw_redis.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <tiercel/cache.hpp>

#include <atomic>
#include <barrier>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::redis::test {
namespace {

using tiercel::test::FaultProxy;
using tiercel::test::RedisServer;
using tiercel::test::wait_until;

/// What threads that get one key after the other have seen. Every value names its key.
struct Seen {
    std::atomic<int> right{0};
    std::atomic<int> wrong{0};
    std::atomic<int> timed_out{0};
    std::atomic<int> failed{0};
    std::atomic<bool> stop{false};
};

void keep_getting(spi::Backend& backend, int caller, Seen& seen, std::chrono::milliseconds patience) {
    for (int n = caller; !seen.stop; n = (n + 7) % 100) {
        const auto key = "key:" + std::to_string(n);
        const std::vector<BytesView> keys{key};
        const auto lookups = spi::sync_wait(*spi::default_runtime(), backend.get_many(keys, within(patience)));
        const auto& lookup = lookups.at(0);
        if (!lookup) {
            ++(lookup.error() == Errc::timeout ? seen.timed_out : seen.failed);
        } else {
            ++(*lookup && (*lookup)->value == key ? seen.right : seen.wrong);
        }
    }
}

std::vector<std::jthread> start_getting(spi::Backend& backend, int callers, Seen& seen,
                                        std::chrono::milliseconds patience) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < callers; ++i)
        threads.emplace_back([&backend, i, &seen, patience] { keep_getting(backend, i, seen, patience); });
    return threads;
}

class BlockingCallers : public ::testing::Test {
protected:
    static void fill(Client& client) {
        for (int i = 0; i < 100; ++i) {
            const auto key = "key:" + std::to_string(i);
            ASSERT_TRUE(client.put(key, key));
        }
    }
    std::size_t connections() { return RawRedis(server.port()).clients_named("tiercel").count; }
    std::string proxied(const FaultProxy& proxy) { return "redis://127.0.0.1:" + std::to_string(proxy.port()); }

    RedisServer server;
};

TEST_F(BlockingCallers, one_alone_keeps_to_one_connection) {
    Client client(server.url());
    fill(client);
    EXPECT_EQ(connections(), 1U);
}

TEST_F(BlockingCallers, many_share_few_connections_and_each_gets_its_own_values) {
    Client client(server.url(), {.blocking_connections = 3});
    fill(client);
    Seen seen;
    auto threads = start_getting(*client.backend, 24, seen, 20s);
    EXPECT_TRUE(wait_until([&] { return seen.right > 20'000; }));
    EXPECT_LE(connections(), 3U);
    seen.stop = true;
    threads.clear();
    EXPECT_EQ(seen.wrong, 0);
    EXPECT_EQ(seen.timed_out, 0);
    EXPECT_EQ(seen.failed, 0);
}

TEST_F(BlockingCallers, late_replies_reach_nobody_and_the_connections_stay) {
    Client client(server.url(), {.max_silence = 1h, .blocking_connections = 2});
    fill(client);
    Seen seen;
    auto threads = start_getting(*client.backend, 12, seen, 5ms);
    ASSERT_TRUE(wait_until([&] { return seen.right > 500; }));
    const auto before = RawRedis(server.port()).clients_named("tiercel");
    for (int round = 0; round < 3; ++round) {
        server.stop_replying();
        const int timed_out = seen.timed_out;
        EXPECT_TRUE(wait_until([&] { return seen.timed_out > timed_out + 50; }));
        server.resume();
        const int right = seen.right;
        EXPECT_TRUE(wait_until([&] { return seen.right > right + 500; }));
    }
    seen.stop = true;
    threads.clear();
    EXPECT_EQ(seen.wrong, 0);
    EXPECT_EQ(seen.failed, 0);
    const auto after = RawRedis(server.port()).clients_named("tiercel");
    EXPECT_EQ(after.count, before.count);
    EXPECT_EQ(after.id, before.id);
}

TEST_F(BlockingCallers, a_silent_connection_is_replaced) {
    FaultProxy proxy(server.port());
    Client client(proxied(proxy), {.connect_timeout = 300ms,
                                   .max_silence = 100ms,
                                   .reconnect_delay_min = 1ms,
                                   .reconnect_delay_max = 5ms,
                                   .blocking_connections = 1});
    fill(client);
    Seen seen;
    auto threads = start_getting(*client.backend, 8, seen, 1h);
    ASSERT_TRUE(wait_until([&] { return seen.right > 100; }));
    proxy.swallow();
    ASSERT_TRUE(wait_until([&] { return seen.failed >= 8; }));
    proxy.pass();
    const int right = seen.right;
    EXPECT_TRUE(wait_until([&] { return seen.right > right + 100; }));
    seen.stop = true;
    threads.clear();
    EXPECT_EQ(seen.wrong, 0);
}

TEST_F(BlockingCallers, a_connection_that_was_closed_while_idle_costs_nobody_an_error) {
    FaultProxy proxy(server.port());
    Client client(proxied(proxy));
    fill(client);
    for (int round = 0; round < 5; ++round) {
        proxy.drop_connections();
        // The socket is looked at before it is used once it has been idle for a while.
        const auto idle_since = std::chrono::steady_clock::now();
        ASSERT_TRUE(wait_until([&] { return std::chrono::steady_clock::now() - idle_since > 50ms; }));
        EXPECT_EQ(client.text("key:3"), "key:3");
    }
    EXPECT_EQ(proxy.accepted(), 6U);
}

TEST_F(BlockingCallers, who_is_there_when_the_server_dies_makes_one_attempt_a_connection) {
    FaultProxy proxy(server.port());
    Client client(proxied(proxy), {.reconnect_delay_min = 1h, .reconnect_delay_max = 1h, .blocking_connections = 2});
    fill(client);
    Seen seen;
    auto threads = start_getting(*client.backend, 64, seen, 20s);
    ASSERT_TRUE(wait_until([&] { return seen.right > 1000 && proxy.accepted() == 2; }));
    proxy.close_after(0); // a new connection is accepted and closed before it is of any use
    ASSERT_TRUE(wait_until([&] { return seen.failed > 10'000; }));
    EXPECT_LE(proxy.accepted(), 4U);
    seen.stop = true;
}

TEST_F(BlockingCallers, large_values_go_both_ways_while_others_are_served) {
    Client client(server.url(), {.blocking_connections = 1});
    fill(client);
    Seen seen;
    auto threads = start_getting(*client.backend, 4, seen, 20s);
    const std::string large(std::size_t{20} << 20, 'x');
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(client.put("large", large, std::nullopt, 20s));
        ASSERT_EQ(client.get("large", 20s).value()->value, large);
    }
    seen.stop = true;
    threads.clear();
    EXPECT_EQ(seen.wrong + seen.failed + seen.timed_out, 0);
}

TEST_F(BlockingCallers, replies_in_pieces_of_one_byte_are_whole) {
    FaultProxy proxy(server.port());
    proxy.slice();
    Client client(proxied(proxy));
    fill(client);
    Seen seen;
    auto threads = start_getting(*client.backend, 6, seen, 20s);
    EXPECT_TRUE(wait_until([&] { return seen.right > 200; }));
    seen.stop = true;
    threads.clear();
    EXPECT_EQ(seen.wrong + seen.failed + seen.timed_out, 0);
}

TEST_F(BlockingCallers, close_ends_their_calls) {
    Client client(server.url());
    fill(client);
    server.stop_replying();
    std::vector<std::future<Errc>> pending;
    for (int i = 0; i < 16; ++i) {
        pending.push_back(std::async(std::launch::async, [&] {
            const auto pinged = spi::sync_wait(*spi::default_runtime(), client.backend->ping(within(1h)));
            return pinged ? Errc{} : pinged.error().code();
        }));
    }
    client.backend->close();
    for (auto& one : pending)
        EXPECT_EQ(one.get(), Errc::closed);
    server.resume();
}

/// The flight of a key is begun by a caller who gives up early, and whose thread was to read the reply.
TEST_F(BlockingCallers, a_call_whose_caller_has_gone_is_read_for_those_who_joined_it) {
    using Texts = Cache<std::string, std::string>;
    FaultProxy proxy(server.port());
    for (const std::size_t blocking_connections : {0U, 1U}) {
        proxy.pass();
        auto backend = connect(proxied(proxy), {.blocking_connections = blocking_connections}).value();
        auto texts = Texts::create({.name = "texts",
                                    .memory = {.max_entries = 10},
                                    .tiers = {{.backend = backend, .timeout = 20s}},
                                    .timeouts = {.call = 20s},
                                    .loader = [](const std::string&) -> Result<std::optional<std::string>> {
                                        return Error(Errc::loader_failed, "the tier has it");
                                    }})
                         .value();
        ASSERT_TRUE(texts.put("key", "value"));
        proxy.delay(300ms);
        auto first = std::async(std::launch::async, [&] {
            return texts.get_or_load("key", {.timeout = 20ms, .skip = Skip::memory()}).error().code();
        });
        ASSERT_TRUE(wait_until([&] { return texts.stats().pressure.flights == 1; }));
        auto second = std::async(std::launch::async, [&] {
            const auto found = texts.get_or_load("key", {.skip = Skip::memory()});
            return found && *found ? **found : std::string("none");
        });
        EXPECT_EQ(first.get(), Errc::timeout);
        EXPECT_EQ(second.get(), "value");
    }
}

} // namespace
} // namespace tiercel::redis::test
