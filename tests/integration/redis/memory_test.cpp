// What the connections take from the heap: counted, not estimated.

#include "client.hpp"
#include "peer.hpp"
#include "raw_redis.hpp"

#include "support/effort.hpp"
#include "support/fault_proxy.hpp"
#include "support/heap.hpp"
#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

namespace tiercel::redis::test {
namespace {

namespace heap = tiercel::test::heap;
using tiercel::test::effort;
using tiercel::test::wait_until;

constexpr std::size_t kib = 1024;

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (; times > 0; --times)
        all += text;
    return all;
}

struct Hostile {
    const char* name;
    std::string words;
    Errc outcome;
};

void PrintTo(const Hostile& hostile, std::ostream* out) {
    *out << hostile.name;
}

class HostileReply : public ::testing::TestWithParam<Hostile> {
protected:
    /// The most that one call takes, its new connection included, over what there was before.
    static std::size_t cost_of_a_call(Client& client, Errc expected) {
        const auto before = heap::bytes();
        heap::watch();
        EXPECT_EQ(client.text("key", 10s), to_string(expected));
        const auto most = heap::most_bytes();
        return most - std::min(most, before);
    }
    /// Of which a connection takes less than half.
    static constexpr std::size_t bound = 256 * kib;
};

TEST_P(HostileReply, to_a_command_is_an_error_within_memory_bounds) {
    const Peer peer({"+OK\r\n+PONG\r\n", GetParam().words}, Peer::AtEnd::close);
    Client client(peer.url(), {.connect_timeout = 5s, .max_silence = 5s});
    EXPECT_LT(cost_of_a_call(client, GetParam().outcome), bound);
}

TEST_P(HostileReply, to_the_log_in_is_an_error_within_memory_bounds) {
    const Peer peer({GetParam().words}, Peer::AtEnd::close);
    Client client(peer.url(), {.connect_timeout = 5s, .max_silence = 5s});
    const auto outcome = GetParam().outcome == Errc::connection_lost ? Errc::connection_failed : GetParam().outcome;
    EXPECT_LT(cost_of_a_call(client, outcome), bound);
}

INSTANTIATE_TEST_SUITE_P(
    Each, HostileReply,
    ::testing::Values(Hostile{"array_of_100000000", "*100000000\r\n", Errc::protocol_error},
                      Hostile{"array_of_2_to_the_63", "*9223372036854775807\r\n", Errc::protocol_error},
                      Hostile{"bulk_of_99999999999", "$99999999999\r\n", Errc::protocol_error},
                      Hostile{"bulk_of_99999999999_in_an_array", "*1\r\n$99999999999\r\n", Errc::protocol_error},
                      Hostile{"nested_10000_deep", repeated("*1\r\n", 10'000), Errc::protocol_error},
                      Hostile{"wide_and_nested", repeated("*100000\r\n", 10'000), Errc::protocol_error},
                      Hostile{"negative_bulk", "$-2\r\n", Errc::protocol_error},
                      Hostile{"negative_array", "*-5\r\n", Errc::protocol_error},
                      Hostile{"endless_line", '+' + std::string(1 << 20, 'x'), Errc::protocol_error},
                      Hostile{"array_of_1000000_that_ends_early", "*1000000\r\n$1\r\na\r\n", Errc::connection_lost},
                      Hostile{"bulk_of_60000000_that_ends_early", "$60000000\r\nabc", Errc::connection_lost},
                      Hostile{"bulk_of_500000000_that_ends_early", "$500000000\r\nabc", Errc::connection_lost}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RedisMemory, a_large_value_gets_room_for_what_has_come_of_it) {
    const Peer peer({"+OK\r\n+PONG\r\n", "*1\r\n$60000000\r\n" + std::string(100 * kib, 'v')}, Peer::AtEnd::close);
    Client client(peer.url(), {.connect_timeout = 5s, .max_silence = 5s});
    const auto before = heap::bytes();
    heap::watch();
    EXPECT_EQ(client.text("key", 10s), "connection_lost");
    EXPECT_LT(heap::most_bytes() - before, 16 * 100 * kib + 256 * kib);
}

/// What a blocked caller's get of a large value takes at most, and one's whose connection the event loop drives.
TEST(RedisMemory, a_large_value_is_there_once_while_it_comes) {
    constexpr std::size_t size = 1024 * kib;
    constexpr std::size_t beside = (tiercel::test::is_sanitized ? 4096 : 128) * kib; // a sanitizer has heaps of its own
    tiercel::test::RedisServer server;
    Client client(server.url());
    ASSERT_TRUE(client.put("large", std::string(size, 'v')));
    const std::vector<BytesView> keys{"large"};
    for (int round = 0; round < 5; ++round) {
        for (const bool blocked : {true, false}) {
            const auto before = heap::bytes();
            heap::watch();
            auto get = client.backend->get_many(keys, within(5s));
            const auto lookups = blocked ? client.run(std::move(get)) : client.start(std::move(get)).get();
            const auto taken = heap::most_bytes() - before;
            ASSERT_TRUE(lookups[0] && *lookups[0]);
            EXPECT_EQ((*lookups[0])->value.size(), size);
            EXPECT_LT(taken, size + beside) << (blocked ? "blocked" : "on the event loop");
        }
    }
}

/// Calls of one loop, in turn; `callers` of them at a time.
class Load {
public:
    Load(std::shared_ptr<spi::Backend> backend, std::chrono::milliseconds patience)
        : backend_(std::move(backend)), patience_(patience) {}

    void run(std::uint64_t requests) {
        left_ = requests;
        boost::asio::io_context loop{1};
        std::vector<std::future<void>> callers;
        for (std::uint64_t i = 0; i < 64; ++i)
            callers.push_back(boost::asio::co_spawn(loop, call(i), boost::asio::use_future));
        loop.run();
        for (auto& caller : callers)
            caller.get();
    }

    std::uint64_t answered = 0;
    std::uint64_t failed = 0;

private:
    boost::asio::awaitable<void> call(std::uint64_t number) {
        const std::string value(100, 'v');
        for (; left_ > 0; ++number) {
            --left_;
            const auto key = "key:" + std::to_string(number % 500);
            bool good = false;
            if (number % 4 == 0) {
                const std::vector<spi::PutItem> items{{key, value, std::nullopt}};
                const auto results = co_await backend_->put_many(items, within(patience_));
                good = results[0].has_value();
            } else {
                const std::vector<BytesView> keys{key, "none"};
                const auto lookups = co_await backend_->get_many(keys, within(patience_));
                good = lookups[0].has_value();
            }
            ++(good ? answered : failed);
        }
    }

    const std::shared_ptr<spi::Backend> backend_;
    const std::chrono::milliseconds patience_;
    std::uint64_t left_ = 0;
};

TEST(RedisMemory, does_not_grow_with_the_requests) {
    tiercel::test::RedisServer server;
    Client client(server.url());
    Load load(client.backend, 20s);
    load.run(20'000);
    const auto before = heap::bytes();
    const auto requests = effort(100'000, 10'000'000);
    load.run(requests);
    const auto after = heap::bytes();
    EXPECT_EQ(load.failed, 0U);
    std::printf("%zu bytes before, %zu after %llu requests\n", before, after,
                static_cast<unsigned long long>(requests));
    EXPECT_LT(after, before + 16 * kib);
}

/// A share of so many requests from each of some threads, which drive their connections themselves.
void make_blocked_requests(const std::shared_ptr<spi::Backend>& backend, std::uint64_t requests) {
    constexpr std::uint64_t callers = 8;
    std::vector<std::thread> threads;
    for (std::uint64_t caller = 0; caller < callers; ++caller) {
        threads.emplace_back([&, caller] {
            const std::string value(100, 'v');
            for (std::uint64_t number = caller; number < requests; number += callers) {
                const auto key = "key:" + std::to_string(number % 500);
                if (number % 4 == 0) {
                    const std::vector<spi::PutItem> items{{key, value, std::nullopt}};
                    ASSERT_TRUE(spi::sync_wait(*spi::default_runtime(), backend->put_many(items, within(20s)))[0]);
                } else {
                    const std::vector<BytesView> keys{key, "none"};
                    ASSERT_TRUE(spi::sync_wait(*spi::default_runtime(), backend->get_many(keys, within(20s)))[0]);
                }
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
}

TEST(RedisMemory, does_not_grow_with_the_requests_of_callers_that_block) {
    tiercel::test::RedisServer server;
    Client client(server.url());
    make_blocked_requests(client.backend, 20'000);
    EXPECT_EQ(RawRedis(server.port()).clients_named("tiercel").count, Options().blocking_connections);
    const auto before = heap::bytes();
    const auto requests = effort(100'000, 10'000'000);
    make_blocked_requests(client.backend, requests);
    const auto after = heap::bytes();
    std::printf("%zu bytes before, %zu after %llu requests of callers that block\n", before, after,
                static_cast<unsigned long long>(requests));
    EXPECT_LT(after, before + 16 * kib);
}

TEST(RedisMemory, does_not_grow_with_timeouts_and_new_connections) {
    tiercel::test::RedisServer server;
    tiercel::test::FaultProxy proxy(server.port());
    Client client("redis://127.0.0.1:" + std::to_string(proxy.port()),
                  {.connect_timeout = 1s, .reconnect_delay_min = 1ms, .reconnect_delay_max = 1ms});
    Load load(client.backend, 2ms);
    const auto suffer = [&](std::uint64_t requests) {
        proxy.trouble(requests, {.delayed = 200, .sliced = 200, .closed = 50, .longest_delay = 4ms});
        load.run(requests);
        // The same state each time: a connection, and nothing on its way.
        proxy.pass();
        ASSERT_TRUE(wait_until([&] { return client.ping().has_value(); }));
    };
    suffer(10'000);
    const auto before = heap::bytes();
    const auto accepted = proxy.accepted();
    suffer(effort(20'000, 1'000'000));
    // A connection that was replaced gives back its buffers a moment later.
    EXPECT_TRUE(wait_until([&] { return heap::bytes() < before + 64 * kib; }));
    EXPECT_GT(proxy.accepted(), accepted);
    EXPECT_GT(load.failed, 0U);
    std::printf("%zu bytes before, %zu after %zu connections\n", before, heap::bytes(), proxy.accepted() - accepted);
}

TEST(RedisMemory, does_not_keep_what_it_has_sent_until_the_replies_come) {
    constexpr std::size_t calls = 100;
    const Peer silent({"+OK\r\n+PONG\r\n"}, Peer::AtEnd::stay); // reads on
    Client client(silent.url(), {.max_silence = 1h});
    EXPECT_EQ(client.text("key", 100ms), "timeout"); // connected, then
    const std::string value(20 * kib, 'v');
    const std::vector<spi::PutItem> items{{"key", value, std::nullopt}};
    const auto before = heap::bytes();
    std::vector<std::future<std::vector<Result<void>>>> pending;
    for (std::size_t i = 0; i < calls; ++i)
        pending.push_back(client.start(client.backend->put_many(items, within(1h))));
    // Each call that is under way has the value once, encoded; the request would be another time.
    const std::size_t all_values = calls * value.size();
    EXPECT_TRUE(wait_until([&] { return heap::bytes() > before + all_values * 9 / 10; }));
    EXPECT_TRUE(wait_until([&] { return heap::bytes() < before + all_values * 3 / 2; }));
    client.backend->close();
    for (auto& call : pending)
        EXPECT_EQ(code_of(call.get().at(0)), Errc::closed);
}

/// Of a connection that idles; most of what it takes is its read buffer of 32 KiB.
constexpr std::size_t idle_bound = 64 * kib;

/// Opens many connections, lets `use` do something to each, and says what one of them takes once it idles.
template <class Use>
std::size_t bytes_of_an_idle_connection(Use use) {
    constexpr std::size_t connections = 64;
    tiercel::test::RedisServer server;
    Client other(server.url()); // the event loop and what else there is but once
    EXPECT_TRUE(other.ping());
    use(other);
    const auto before = heap::bytes();
    Client client(server.url(), {.client_name = "idle", .connections = connections, .blocking_connections = 0});
    for (std::size_t i = 0; i < connections; ++i)
        use(client);
    const auto taken = heap::bytes() - before;
    EXPECT_EQ(RawRedis(server.port()).clients_named("idle").count, connections);
    return taken / connections;
}

/// The same of the connections that blocked callers drive, a thread each.
template <class Use>
std::size_t bytes_of_an_idle_driven_connection(Use use) {
    constexpr std::size_t connections = 8;
    tiercel::test::RedisServer server;
    Client other(server.url());
    EXPECT_TRUE(other.ping());
    use(other);
    const auto before = heap::bytes();
    Client client(server.url(), {.client_name = "idle", .blocking_connections = connections});
    for (std::size_t i = 0; i < connections; ++i)
        std::thread([&] { use(client); }).join();
    const auto taken = heap::bytes() - before;
    EXPECT_EQ(RawRedis(server.port()).clients_named("idle").count, connections);
    return taken / connections;
}

TEST(RedisMemory, an_idle_connection_takes_little_beside_its_read_buffer) {
    const auto bytes = bytes_of_an_idle_connection([](Client& client) { EXPECT_TRUE(client.ping()); });
    std::printf("%zu bytes for an idle connection\n", bytes);
    EXPECT_LT(bytes, idle_bound);
}

const std::string large(512 * kib, 'v');

TEST(RedisMemory, an_idle_connection_gives_back_what_a_large_value_took_to_write) {
    const auto bytes = bytes_of_an_idle_connection([](Client& client) { EXPECT_TRUE(client.put("large", large)); });
    std::printf("%zu bytes for an idle connection that has written a large value\n", bytes);
    EXPECT_LT(bytes, idle_bound);
}

TEST(RedisMemory, an_idle_connection_gives_back_what_a_large_value_took_to_read) {
    const auto bytes = bytes_of_an_idle_connection([first = true](Client& client) mutable {
        if (std::exchange(first, false)) {
            EXPECT_TRUE(client.put("large", large));
        }
        EXPECT_TRUE(client.text("large") == large);
    });
    std::printf("%zu bytes for an idle connection that has read a large value\n", bytes);
    EXPECT_LT(bytes, idle_bound);
}

/// Writes and reads a value of so many bytes. Three calls: the connections take turns, and each is to get both.
auto exchange(std::size_t bytes) {
    return [value = std::string(bytes, 'v')](Client& client) {
        EXPECT_TRUE(client.put("key", value));
        EXPECT_TRUE(client.text("key") == value);
        EXPECT_TRUE(client.ping());
    };
}

TEST(RedisMemory, an_idle_connection_gives_back_what_values_of_any_size_took) {
    for (const std::size_t size : {3'000U, 6'000U, 8'000U, 15'000U, 30'000U}) {
        const auto bytes = bytes_of_an_idle_connection(exchange(size));
        std::printf("%zu bytes for an idle connection after values of %zu\n", bytes, size);
        EXPECT_LT(bytes, idle_bound) << size;
    }
}

TEST(RedisMemory, an_idle_connection_of_callers_that_block_gives_back_what_values_of_any_size_took) {
    for (const std::size_t size : {3'000U, 15'000U, 900'000U}) {
        const auto bytes = bytes_of_an_idle_driven_connection(exchange(size));
        std::printf("%zu bytes for an idle driven connection after values of %zu\n", bytes, size);
        EXPECT_LT(bytes, idle_bound) << size;
    }
}

} // namespace
} // namespace tiercel::redis::test
