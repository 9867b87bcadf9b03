#include "client.hpp"
#include "raw_redis.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <gtest/gtest.h>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <random>

namespace tiercel::redis::test {
namespace {

using tiercel::test::wait_until;

Options impatient_to_reconnect() {
    return {.reconnect_delay_min = 1ms, .reconnect_delay_max = 10ms};
}

bool is_no_connection(const std::string& outcome) {
    return outcome == "connection_failed" || outcome == "connection_lost";
}

class RedisOutage : public ::testing::Test {
protected:
    std::string proxied(const tiercel::test::FaultProxy& proxy) {
        return "redis://127.0.0.1:" + std::to_string(proxy.port());
    }

    tiercel::test::RedisServer server;
};

TEST_F(RedisOutage, a_server_that_is_down_at_first_is_used_once_it_is_up) {
    server.kill9();
    Client client(server.url(), impatient_to_reconnect());
    EXPECT_EQ(client.text("key"), "connection_failed");
    EXPECT_EQ(code_of(client.put("key", "value")), Errc::connection_failed);
    server.restart();
    EXPECT_TRUE(wait_until([&] { return client.text("key") == "(none)"; }));
}

TEST_F(RedisOutage, a_killed_server_fails_calls_and_is_used_again_after_its_restart) {
    Client client(server.url(), impatient_to_reconnect());
    ASSERT_TRUE(client.put("key", "value"));
    for (int round = 0; round < 3; ++round) {
        server.kill9();
        EXPECT_TRUE(is_no_connection(client.text("key")));
        EXPECT_TRUE(is_no_connection(client.text("key")));
        server.restart();
        EXPECT_TRUE(wait_until([&] { return client.text("key") == "(none)"; }));
        EXPECT_TRUE(client.put("key", "value"));
        EXPECT_EQ(client.text("key"), "value");
    }
}

TEST_F(RedisOutage, a_connection_closed_while_idle_is_replaced) {
    Client client(server.url());
    ASSERT_TRUE(client.put("key", "value"));
    RawRedis raw(server.port());
    ASSERT_EQ(raw("CLIENT KILL TYPE normal SKIPME yes"), ":1");
    EXPECT_TRUE(wait_until([&] { return client.text("key") == "value"; }));
}

/// Gets keys whose values name them, with deadlines of 0 to 3 ms, until told to stop; counts what came of it.
struct Tally {
    std::atomic<int> right{0};
    std::atomic<int> wrong{0};
    std::atomic<int> timed_out{0};
    std::atomic<int> failed{0};
    std::atomic<bool> stop{false};
};

boost::asio::awaitable<void> keep_getting(std::shared_ptr<spi::Backend> backend, unsigned seed, Tally& tally) {
    std::mt19937 random(seed);
    while (!tally.stop) {
        const auto first = "key:" + std::to_string(random() % 100);
        const auto second = "key:" + std::to_string(random() % 100);
        const std::vector<BytesView> keys{first, second};
        const auto lookups = co_await backend->get_many(
            keys, {std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 3000)});
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (!lookups[i]) {
                ++(lookups[i].error() == Errc::timeout ? tally.timed_out : tally.failed);
            } else if (lookups[i].value() && lookups[i].value()->value == keys[i]) {
                ++tally.right;
            } else {
                ++tally.wrong;
            }
        }
    }
}

class RedisStopped : public RedisOutage {
protected:
    void fill(Client& client) {
        for (int i = 0; i < 100; ++i) {
            const auto key = "key:" + std::to_string(i);
            ASSERT_TRUE(client.put(key, key));
        }
    }
    /// Rounds of SIGSTOP and SIGCONT under many callers.
    void stop_and_go(Client& client, Tally& tally) {
        std::vector<std::future<void>> callers;
        for (unsigned i = 0; i < 64; ++i)
            callers.push_back(client.start(keep_getting(client.backend, i, tally)));
        for (int round = 0; round < 10; ++round) {
            const auto right = tally.right.load();
            EXPECT_TRUE(wait_until([&] { return tally.right > right + 500; }));
            server.stop_replying();
            const auto timed_out = tally.timed_out.load();
            EXPECT_TRUE(wait_until([&] { return tally.timed_out > timed_out + 500; }));
            server.resume();
        }
        tally.stop = true;
        for (auto& caller : callers)
            caller.get();
    }
};

TEST_F(RedisStopped, late_replies_reach_nobody_and_the_connection_stays) {
    Client client(server.url(), {.max_silence = 1h, .blocking_connections = 0});
    fill(client);
    const auto before = RawRedis(server.port()).clients_named("tiercel");
    Tally tally;
    stop_and_go(client, tally);
    EXPECT_EQ(tally.wrong, 0);
    EXPECT_EQ(tally.failed, 0);
    EXPECT_EQ(client.text("key:7"), "key:7");
    const auto after = RawRedis(server.port()).clients_named("tiercel");
    EXPECT_EQ(before.count, 1U);
    EXPECT_EQ(after.count, 1U);
    EXPECT_EQ(after.id, before.id);
}

TEST_F(RedisStopped, a_cancelled_call_returns_at_once_and_its_late_reply_reaches_nobody) {
    Client client(server.url(), {.max_silence = 1h, .blocking_connections = 0});
    fill(client);
    server.stop_replying();
    const std::vector<BytesView> keys{"key:1"};
    std::optional<Errc> outcome;
    boost::asio::io_context loop;
    boost::asio::cancellation_signal change_of_mind;
    boost::asio::co_spawn(
        loop, client.backend->get_many(keys, within(1h)),
        boost::asio::bind_cancellation_slot(change_of_mind.slot(),
                                            [&](const std::exception_ptr&, const std::vector<spi::Lookup>& lookups) {
                                                if (!lookups.empty()) outcome = code_of(lookups.front());
                                            }));
    boost::asio::post(loop, [&] { change_of_mind.emit(boost::asio::cancellation_type::terminal); });
    loop.run_for(20s);
    EXPECT_EQ(outcome, Errc::cancelled);
    server.resume();
    EXPECT_EQ(client.text("key:2"), "key:2");
}

TEST_F(RedisStopped, so_does_one_that_a_blocked_thread_drives) {
    Client client(server.url(), {.max_silence = 1h});
    fill(client);
    server.stop_replying();
    const std::vector<BytesView> keys{"key:1"};
    auto work = [&]() -> boost::asio::awaitable<std::optional<Errc>> {
        const auto executor = co_await boost::asio::this_coro::executor;
        boost::asio::cancellation_signal change_of_mind;
        boost::asio::steady_timer soon(executor, 20ms);
        soon.async_wait(
            [&](const boost::system::error_code&) { change_of_mind.emit(boost::asio::cancellation_type::terminal); });
        auto token = boost::asio::bind_cancellation_slot(change_of_mind.slot(), boost::asio::use_awaitable);
        const auto lookups =
            co_await boost::asio::co_spawn(executor, client.backend->get_many(keys, within(1h)), token);
        co_return code_of(lookups.front());
    };
    EXPECT_EQ(client.run(work()), Errc::cancelled);
    server.resume();
    EXPECT_EQ(client.text("key:2"), "key:2");
}

TEST_F(RedisStopped, a_silent_connection_is_replaced_and_no_reply_crosses_over) {
    auto options = impatient_to_reconnect();
    options.max_silence = 10ms;
    options.connect_timeout = 100ms;
    Client patient(server.url());
    fill(patient);
    Client client(server.url(), options);
    Tally tally;
    stop_and_go(client, tally);
    EXPECT_EQ(tally.wrong, 0);
    EXPECT_TRUE(wait_until([&] { return client.text("key:7") == "key:7"; }));
}

TEST_F(RedisStopped, a_call_ends_with_its_deadline) {
    Client client(server.url());
    ASSERT_TRUE(client.ping());
    server.stop_replying();
    EXPECT_EQ(client.text("key", 20ms), "timeout");
    EXPECT_EQ(code_of(client.put("key", "value", std::nullopt, 20ms)), Errc::timeout);
    server.resume();
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisStopped, an_outstanding_call_fails_when_the_silence_is_over) {
    Client client(server.url(), {.max_silence = 300ms});
    ASSERT_TRUE(client.ping());
    server.stop_replying();
    EXPECT_EQ(client.text("key", 1h), "connection_lost");
}

TEST_F(RedisStopped, a_dead_connection_is_replaced_although_requests_keep_going_out) {
    tiercel::test::FaultProxy proxy(server.port());
    auto options = impatient_to_reconnect();
    options.max_silence = 200ms;
    Client client(proxied(proxy), options);
    ASSERT_TRUE(client.ping());
    proxy.swallow();
    EXPECT_TRUE(wait_until([&] {
        client.text("key", 5ms);
        return proxy.accepted() >= 2;
    }));
}

TEST_F(RedisStopped, a_log_in_without_answer_ends_with_the_connect_timeout) {
    server.stop_replying();
    Client client(server.url(), {.connect_timeout = 20ms});
    EXPECT_EQ(client.text("key", 1h), "connection_failed");
}

TEST_F(RedisStopped, calls_beyond_the_bound_are_refused_at_once) {
    Client client(server.url(), {.max_silence = 1h, .blocking_connections = 0, .max_pending_calls = 4});
    ASSERT_TRUE(client.ping());
    server.stop_replying();
    std::vector<std::future<Result<void>>> pending;
    for (int i = 0; i < 4; ++i)
        pending.push_back(client.start(client.backend->ping(within(1h))));
    ASSERT_TRUE(wait_until([&] { return code_of(client.ping(5ms)) == Errc::overloaded; }));
    server.resume();
    std::size_t served = 0;
    for (auto& ping : pending)
        served += ping.get() ? 1 : 0;
    // One of the probes above may have taken a place before one of the four came.
    EXPECT_GE(served, 3U);
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisStopped, closing_ends_what_is_outstanding_and_what_comes_later) {
    Client client(server.url());
    ASSERT_TRUE(client.ping());
    server.stop_replying();
    std::vector<std::future<Result<void>>> pending;
    for (int i = 0; i < 100; ++i)
        pending.push_back(client.start(client.backend->ping(within(1h))));
    client.backend->close();
    client.backend->close();
    for (auto& ping : pending)
        EXPECT_EQ(code_of(ping.get()), Errc::closed);
    EXPECT_EQ(code_of(client.ping()), Errc::closed);
    server.resume();
    EXPECT_TRUE(wait_until([&] { return RawRedis(server.port()).clients_named("tiercel").count == 0; }));
}

TEST_F(RedisStopped, a_backend_may_go_with_calls_under_way) {
    for (int round = 0; round < 20; ++round) {
        Client client(server.url());
        ASSERT_TRUE(client.ping());
        server.stop_replying();
        const std::vector<BytesView> keys(10, "key");
        std::vector<std::future<std::vector<spi::Lookup>>> pending;
        for (int i = 0; i < 20; ++i)
            pending.push_back(client.start(client.backend->get_many(keys, within(1h))));
        client.backend.reset();
        for (auto& lookups : pending) {
            for (const auto& lookup : lookups.get())
                EXPECT_EQ(code_of(lookup), Errc::closed);
        }
        server.resume();
    }
}

TEST_F(RedisOutage, a_backend_and_its_event_loop_may_go_as_soon_as_a_call_is_over) {
    for (int round = 0; round < 200; ++round) {
        Client client(server.url());
        ASSERT_TRUE(client.ping());
        client.backend.reset(); // the only user of the default runtime
    }
}

TEST_F(RedisOutage, a_call_goes_on_at_the_executor_of_its_caller) {
    Client client(server.url());
    boost::asio::io_context own;
    bool elsewhere = false;
    auto call = [&]() -> boost::asio::awaitable<void> {
        const auto thread = std::this_thread::get_id();
        for (int i = 0; i < 100; ++i) {
            const auto ping = co_await client.backend->ping(within(5s));
            EXPECT_TRUE(ping);
            elsewhere = elsewhere || std::this_thread::get_id() != thread;
        }
    };
    auto done = boost::asio::co_spawn(own, call(), boost::asio::use_future);
    own.run(); // does not run out of work while a reply is awaited
    done.get();
    EXPECT_FALSE(elsewhere);
}

TEST_F(RedisOutage, a_connection_cut_in_the_middle_of_a_reply_fails_the_call_and_no_other) {
    tiercel::test::FaultProxy proxy(server.port());
    Client client(proxied(proxy), impatient_to_reconnect());
    const std::string value(10'000, 'v');
    ASSERT_TRUE(client.put("key", value));
    for (const std::size_t cut : {1U, 5U, 100U, 9'000U}) {
        proxy.close_after(cut);
        EXPECT_TRUE(is_no_connection(client.text("key")));
        proxy.pass();
        EXPECT_TRUE(wait_until([&] { return client.text("key") == value; }));
    }
}

TEST_F(RedisOutage, replies_in_pieces_of_one_byte_are_whole) {
    tiercel::test::FaultProxy proxy(server.port());
    proxy.slice();
    Client client(proxied(proxy));
    ASSERT_TRUE(client.put("a", std::string(1000, 'v')));
    ASSERT_TRUE(client.put("b", ""));
    const std::vector<BytesView> keys{"a", "none", "b"};
    const auto lookups = client.run(client.backend->get_many(keys, within(20s)));
    EXPECT_EQ(lookups[0].value()->value, std::string(1000, 'v'));
    EXPECT_FALSE(lookups[1].value());
    EXPECT_EQ(lookups[2].value()->value, "");
}

TEST_F(RedisOutage, replies_lost_on_the_way_are_timeouts_then_a_new_connection) {
    tiercel::test::FaultProxy proxy(server.port());
    auto options = impatient_to_reconnect();
    options.max_silence = 300ms;
    options.connect_timeout = 300ms;
    options.blocking_connections = 1;
    Client client(proxied(proxy), options);
    ASSERT_TRUE(client.put("key", "value"));
    proxy.swallow();
    EXPECT_EQ(client.text("key", 10ms), "timeout");
    EXPECT_EQ(client.text("key", 1h), "connection_lost");
    proxy.pass();
    EXPECT_TRUE(wait_until([&] { return client.text("key", 1h) == "value"; }));
    EXPECT_GE(proxy.accepted(), 2U);
}

TEST_F(RedisOutage, while_the_back_off_lasts_no_attempt_is_made) {
    tiercel::test::FaultProxy proxy(server.port());
    proxy.close_after(0);
    Client client(proxied(proxy), {.reconnect_delay_min = 1h, .reconnect_delay_max = 1h});
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(client.text("key"), "connection_failed");
    EXPECT_EQ(proxy.accepted(), 1U);
}

TEST(RedisRefusals, a_full_server_refuses_writes_and_serves_the_rest) {
    tiercel::test::RedisServer server;
    Client client(server.url());
    ASSERT_TRUE(client.put("key", "value"));
    RawRedis raw(server.port());
    ASSERT_EQ(raw("CONFIG SET maxmemory 1"), "+OK");
    EXPECT_EQ(code_of(client.put("other", "value")), Errc::out_of_memory);
    const auto version = client.get("key").value()->version;
    EXPECT_EQ(code_of(client.run(client.backend->put_if_absent({"other", "v", {}}, within(5s)))), Errc::out_of_memory);
    EXPECT_EQ(code_of(client.run(client.backend->put_if_version({"key", "v", {}}, version, within(5s)))),
              Errc::out_of_memory);
    EXPECT_EQ(client.text("key"), "value");
    EXPECT_TRUE(client.erase("key").value());
    EXPECT_TRUE(client.ping());
}

TEST(RedisRefusals, a_replica_refuses_writes_and_serves_reads) {
    tiercel::test::RedisServer server;
    Client client(server.url());
    ASSERT_TRUE(client.put("key", "value"));
    RawRedis raw(server.port());
    ASSERT_EQ(raw("REPLICAOF 127.0.0.1 1"), "+OK");
    EXPECT_EQ(code_of(client.put("key", "other")), Errc::read_only);
    const auto version = client.get("key").value()->version;
    EXPECT_EQ(code_of(client.run(client.backend->put_if_version({"key", "v", {}}, version, within(5s)))),
              Errc::read_only);
    EXPECT_EQ(client.text("key"), "value");
}

TEST(RedisRefusals, a_server_without_a_place_is_no_connection) {
    tiercel::test::RedisServer server;
    RawRedis raw(server.port());
    ASSERT_EQ(raw("CONFIG SET maxclients 1"), "+OK");
    Client client(server.url(), impatient_to_reconnect());
    EXPECT_EQ(client.text("key"), "connection_failed");
    ASSERT_EQ(raw("CONFIG SET maxclients 100"), "+OK");
    EXPECT_TRUE(wait_until([&] { return client.text("key") == "(none)"; }));
}

} // namespace
} // namespace tiercel::redis::test
