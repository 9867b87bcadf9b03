#include "calls.hpp"

#include "support/fault_proxy.hpp"
#include "support/memcached_server.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

namespace tiercel::test {
namespace {

std::string local(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

/// Comes back soon after an outage.
memcached::Options eager() {
    return {.reconnect_delay_min = 1ms, .reconnect_delay_max = 10ms};
}

TEST(MemcachedFailure, a_stopped_server_costs_each_call_its_deadline_at_most_and_heals) {
    MemcachedServer server;
    const Calls cache(server.address(), eager());
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    server.stop_replying();
    EXPECT_EQ(text(cache.get("k", 50ms)), "<timeout>");
    EXPECT_EQ(text(cache.put("k", "w", {}, 50ms)), "timeout");
    EXPECT_EQ(text(cache.erase("other", 50ms)), "timeout");
    EXPECT_EQ(text(cache.ping(50ms)), "timeout");
    server.resume();
    EXPECT_TRUE(wait_until([&] { return text(cache.put("k", "x")) == "done"; }));
    EXPECT_EQ(text(cache.get("k")), "x");
}

TEST(MemcachedFailure, silence_bounds_a_call_with_a_far_deadline) {
    MemcachedServer server;
    const Calls cache(server.address(), {.max_silence = 50ms});
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    server.stop_replying();
    EXPECT_EQ(text(cache.get("k", 24h)), "<connection_lost>"); // hangs if only the deadline counts
    server.resume();
}

TEST(MemcachedFailure, a_server_that_cannot_be_reached_is_left_alone_for_the_back_off) {
    MemcachedServer server;
    FaultProxy proxy(server.port());
    const Calls cache(
        local(proxy.port()),
        {.connect_timeout = 50ms, .reconnect_delay_min = 1h, .reconnect_delay_max = 1h, .blocking_connections = 1});
    proxy.swallow();
    EXPECT_EQ(text(cache.get("k")), "<connection_failed>");
    const auto tries = proxy.accepted();
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(text(cache.get("k")), "<connection_failed>");
    EXPECT_EQ(proxy.accepted(), tries);
}

TEST(MemcachedFailure, many_callers_of_a_dead_server_make_one_attempt_at_a_time) {
    MemcachedServer server;
    FaultProxy proxy(server.port());
    const Calls cache(local(proxy.port()),
                      {.reconnect_delay_min = 20ms, .reconnect_delay_max = 20ms, .blocking_connections = 1});
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    proxy.refuse();
    std::vector<std::thread> callers;
    std::atomic<int> failed{0};
    for (int i = 0; i < 8; ++i) {
        callers.emplace_back([&] {
            for (int call = 0; call < 50; ++call)
                if (!cache.get("k", 5s)) ++failed;
        });
    }
    for (auto& caller : callers)
        caller.join();
    EXPECT_GT(failed, 300);
    proxy.pass();
    EXPECT_TRUE(wait_until([&] { return text(cache.get("k")) == "v"; }));
    EXPECT_EQ(proxy.accepted(), 2u); // the first connection, and the one after the outage
}

TEST(MemcachedFailure, many_reads_with_short_deadlines_from_a_stuttering_server_never_mix_values_up) {
    MemcachedServer server;
    const Calls cache(server.address(), eager());
    constexpr int key_count = 40;
    std::vector<Bytes> keys;
    for (int i = 0; i < key_count; ++i) {
        keys.push_back("key:" + std::to_string(i));
        ASSERT_EQ(
            text(cache.put(keys.back(), "value of " + keys.back() + Bytes(static_cast<std::size_t>(i) * 500, '.'))),
            "done");
    }
    std::atomic<bool> stop{false};
    std::atomic<int> right{0};
    std::atomic<int> wrong{0};
    std::atomic<int> failed{0};
    std::vector<std::thread> readers;
    for (unsigned seed = 0; seed < 4; ++seed) {
        readers.emplace_back([&, seed] {
            std::minstd_rand random(seed + 1);
            while (!stop) {
                std::vector<BytesView> some;
                for (unsigned i = 0; i < 1 + random() % 4; ++i)
                    some.emplace_back(keys[random() % key_count]);
                const auto found = cache.get_many(some, std::chrono::milliseconds(1 + random() % 8));
                for (std::size_t i = 0; i < some.size(); ++i) {
                    if (!found[i]) {
                        ++failed;
                        continue;
                    }
                    const bool own = found[i].value() &&
                                     found[i].value()->value.starts_with("value of " + Bytes(some[i])) &&
                                     found[i].value()->value.find_first_not_of('.', 9 + some[i].size()) == Bytes::npos;
                    ++(own ? right : wrong);
                }
            }
        });
    }
    for (int cycle = 0; cycle < 25; ++cycle) {
        const int before = right;
        EXPECT_TRUE(wait_until([&] { return right > before + 200; }));
        server.stop_replying();
        const int failed_before = failed;
        EXPECT_TRUE(wait_until([&] { return failed > failed_before + 20; }));
        server.resume();
    }
    stop = true;
    for (auto& reader : readers)
        reader.join();
    EXPECT_EQ(wrong, 0);
}

TEST(MemcachedFailure, a_large_batch_against_a_stopped_server_ends_by_its_deadline) {
    MemcachedServer server;
    const Calls cache(server.address());
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    std::vector<Bytes> keys;
    for (int i = 0; i < 50'000; ++i) // more than the socket buffers take
        keys.push_back("key:" + Bytes(200, 'x') + std::to_string(i));
    server.stop_replying();
    for (const auto& found : cache.get_many({keys.begin(), keys.end()}, 100ms))
        ASSERT_EQ(text(found), "<timeout>");
    server.resume();
}

TEST(MemcachedFailure, writes_to_a_killed_server_are_errors_and_no_signal) {
    MemcachedServer server;
    const Calls cache(server.address(), eager());
    struct sigaction action {};
    ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
    ASSERT_EQ(action.sa_handler, SIG_DFL) << "the test proves nothing while SIGPIPE is ignored";
    const Bytes value(900'000, 'x');
    for (int round = 0; round < 5; ++round) {
        EXPECT_TRUE(wait_until([&] { return text(cache.put("k", value)) == "done"; }));
        server.kill9();
        for (int i = 0; i < 5; ++i) {
            const auto outcome = text(cache.put("k", value));
            EXPECT_TRUE(outcome == "connection_lost" || outcome == "connection_failed") << outcome;
        }
        server.restart();
    }
    EXPECT_TRUE(wait_until([&] { return text(cache.put("k", "v")) == "done"; }));
}

TEST(MemcachedFailure, a_late_answer_reaches_nobody_and_the_connection_stays) {
    MemcachedServer server;
    FaultProxy proxy(server.port());
    const Calls cache(local(proxy.port()));
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    proxy.delay(300ms);
    EXPECT_EQ(text(cache.get("none", 50ms)), "<timeout>"); // its "EN" is under way
    EXPECT_EQ(text(cache.get("k")), "v");
    EXPECT_EQ(text(cache.put("k", "w", {}, 50ms)), "timeout"); // "HD"
    proxy.pass();
    EXPECT_EQ(text(cache.put_if_absent("k", "x")), "conflict");
    proxy.delay(300ms);
    EXPECT_EQ(text(cache.erase("none", 50ms)), "timeout"); // "NF"
    proxy.pass();
    EXPECT_EQ(text(cache.erase("k")), "true");
    EXPECT_EQ(proxy.accepted(), 1u);
}

TEST(MemcachedFailure, a_reply_in_single_bytes_is_read) {
    MemcachedServer server;
    FaultProxy proxy(server.port());
    const Calls cache(local(proxy.port()));
    proxy.slice();
    EXPECT_EQ(text(cache.put("k", "value")), "done");
    EXPECT_EQ(text(cache.put("l", "value")), "done");
    const auto found = cache.get_many({"k", "none", "l"});
    EXPECT_EQ(text(found[0]), "value");
    EXPECT_EQ(text(found[1]), "<nothing>");
    EXPECT_EQ(text(found[2]), "value");
}

TEST(MemcachedFailure, a_reply_cut_off_anywhere_is_an_error_or_complete) {
    MemcachedServer server;
    ASSERT_EQ(text(Calls(server.address()).put("k", "value")), "done");
    FaultProxy proxy(server.port());
    bool complete = false;
    for (std::size_t bytes = 1; !complete && bytes < 200; ++bytes) {
        proxy.close_after(bytes);
        const Calls cache(local(proxy.port()));
        const auto outcome = text(cache.get("k"));
        complete = outcome == "value";
        EXPECT_TRUE(complete || outcome == "<connection_lost>" || outcome == "<connection_failed>")
            << bytes << ": " << outcome;
    }
    EXPECT_TRUE(complete);
}

} // namespace
} // namespace tiercel::test
