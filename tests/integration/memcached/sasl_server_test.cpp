#include "both_clients.hpp"

#include "support/fault_proxy.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

namespace tiercel::test {
namespace {

Calls calls(std::string_view servers, const memcached::SaslOptions& options = {}) {
    return Calls(memcached::connect_sasl(servers, logging_in(options)).value());
}

std::string local(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

TEST(MemcachedSasl, a_wrong_password_or_user_is_an_error_that_shows_neither) {
    MemcachedServer server({.log_in = test_log_in});
    for (const auto& [username, password] : {std::pair("alice", "open barley"), {"mallory", "open sesame"}}) {
        const Calls cache(
            memcached::connect_sasl(server.address(), {.username = username, .password = password}).value());
        const auto found = cache.get("k");
        EXPECT_EQ(text(found), "<authentication_failed>");
        EXPECT_THAT(found.error().message(), ::testing::HasSubstr(server.address()));
        EXPECT_THAT(found.error().message(), ::testing::Not(::testing::HasSubstr(password)));
        EXPECT_FALSE(cache.put("k", "v"));
    }
    EXPECT_EQ(text(calls(server.address()).get("k")), "<nothing>");
}

TEST(MemcachedSasl, nobody_at_all_is_a_failed_connection_that_says_so) {
    const auto address = local(free_loopback_port());
    const auto found = calls(address).get("k");
    EXPECT_EQ(text(found), "<connection_failed>");
    EXPECT_THAT(found.error().message(), ::testing::HasSubstr(address));
    EXPECT_THAT(found.error().message(), ::testing::HasSubstr("cannot connect"));
}

TEST(MemcachedSasl, a_server_without_log_in_is_an_error) {
    MemcachedServer server;
    const auto found = calls(server.address()).get("k");
    EXPECT_EQ(text(found), "<protocol_error>");
    EXPECT_THAT(found.error().message(), ::testing::HasSubstr("-S"));
}

TEST(MemcachedSasl, a_client_that_does_not_log_in_gets_nothing_from_such_a_server) {
    MemcachedServer server({.log_in = test_log_in});
    const Calls cache(server.address(), {.connect_timeout = 200ms});
    EXPECT_EQ(text(cache.get("k")), "<connection_failed>");
}

TEST(MemcachedSasl, a_stopped_server_costs_each_call_its_deadline_at_most_and_heals) {
    MemcachedServer server({.log_in = test_log_in});
    const auto cache = calls(server.address(), {.retry_interval = 20ms});
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

TEST(MemcachedSasl, the_request_timeout_bounds_a_call_with_a_far_deadline) {
    MemcachedServer server({.log_in = test_log_in});
    const auto cache = calls(server.address(), {.request_timeout = 50ms});
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    server.stop_replying();
    EXPECT_EQ(text(cache.get("k", 24h)), "<timeout>"); // hangs if only the deadline counts
    server.resume();
}

TEST(MemcachedSasl, a_server_that_cannot_be_reached_is_left_alone_for_the_retry_interval) {
    MemcachedServer server({.log_in = test_log_in});
    FaultProxy proxy(server.port());
    const auto cache = calls(local(proxy.port()), {.connect_timeout = 50ms, .retry_interval = 1h});
    proxy.swallow();
    EXPECT_EQ(text(cache.get("k")), "<timeout>");
    const auto tries = proxy.accepted();
    for (int i = 0; i < 20; ++i) {
        const auto found = cache.get("k");
        EXPECT_EQ(text(found), "<connection_failed>");
        EXPECT_THAT(found.error().message(), ::testing::HasSubstr("tried again"));
    }
    EXPECT_EQ(proxy.accepted(), tries);
}

TEST(MemcachedSasl, an_impatient_caller_does_not_close_the_server_to_others) {
    MemcachedServer server({.log_in = test_log_in});
    FaultProxy proxy(server.port());
    const auto cache = calls(local(proxy.port()), {.retry_interval = 1h});
    proxy.swallow();
    EXPECT_EQ(text(cache.get("k", 20ms)), "<timeout>");
    proxy.pass();
    EXPECT_TRUE(wait_until([&] { return text(cache.get("k")) == "<nothing>"; }));
}

TEST(MemcachedSasl, impatient_callers_together_find_a_hung_server_out) {
    MemcachedServer server({.log_in = test_log_in});
    FaultProxy proxy(server.port());
    const auto cache = calls(local(proxy.port()), {.connect_timeout = 200ms, .retry_interval = 1h});
    proxy.swallow();
    EXPECT_TRUE(wait_until([&] { return text(cache.get("k", 20ms)) == "<connection_failed>"; }));
    const auto tries = proxy.accepted();
    EXPECT_EQ(text(cache.get("k", 20ms)), "<connection_failed>");
    EXPECT_EQ(proxy.accepted(), tries);
}

TEST(MemcachedSasl, many_reads_with_short_deadlines_from_a_stuttering_server_never_mix_values_up) {
    MemcachedServer server({.log_in = test_log_in});
    const auto cache = calls(server.address(), {.retry_interval = 1ms});
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
    for (int i = 0; i < key_count; ++i)
        EXPECT_THAT(text(cache.get(keys[static_cast<std::size_t>(i)])),
                    ::testing::StartsWith("value of " + keys[static_cast<std::size_t>(i)]));
}

TEST(MemcachedSasl, a_large_batch_against_a_stopped_server_ends_by_its_deadline) {
    MemcachedServer server({.log_in = test_log_in});
    const auto cache = calls(server.address());
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    std::vector<Bytes> keys;
    for (int i = 0; i < 50'000; ++i) // more than the socket buffers take
        keys.push_back("key:" + Bytes(200, 'x') + std::to_string(i));
    server.stop_replying();
    for (const auto& found : cache.get_many({keys.begin(), keys.end()}, 100ms))
        ASSERT_EQ(text(found), "<timeout>");
    server.resume();
}

TEST(MemcachedSasl, writes_to_a_killed_server_are_errors_and_no_signal) {
    MemcachedServer server({.log_in = test_log_in});
    const auto cache = calls(server.address(), {.retry_interval = 1ms, .threads = 1});
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

TEST(MemcachedSasl, a_read_survives_connections_that_went_stale_while_idle) {
    MemcachedServer server({.log_in = test_log_in});
    FaultProxy proxy(server.port());
    const auto cache = calls(local(proxy.port()));
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    proxy.drop_connections();
    EXPECT_EQ(text(cache.get("k")), "v");
    proxy.drop_connections();
    const auto puts = cache.put_many({{.key = "a", .value = "1", .ttl = {}}, {.key = "b", .value = "2", .ttl = {}}});
    EXPECT_EQ(text(puts[0]), "connection_lost"); // writes are not repeated
    EXPECT_EQ(text(puts[1]), "done");
}

TEST(MemcachedSasl, a_late_answer_is_never_taken_for_the_next_ones) {
    MemcachedServer server({.log_in = test_log_in});
    FaultProxy proxy(server.port());
    const auto cache = calls(local(proxy.port()), {.threads = 1});
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    proxy.delay(300ms);
    EXPECT_EQ(text(cache.get("none", 50ms)), "<timeout>"); // its answer is under way
    EXPECT_EQ(text(cache.get("k")), "v");
    EXPECT_EQ(text(cache.put("k", "w", {}, 50ms)), "timeout");
    proxy.pass();
    EXPECT_EQ(text(cache.put_if_absent("k", "x")), "conflict");
    proxy.delay(300ms);
    EXPECT_EQ(text(cache.erase("none", 50ms)), "timeout");
    proxy.pass();
    EXPECT_EQ(text(cache.erase("k")), "true");
}

TEST(MemcachedSasl, a_reply_in_single_bytes_is_read) {
    MemcachedServer server({.log_in = test_log_in});
    FaultProxy proxy(server.port());
    const auto cache = calls(local(proxy.port()));
    proxy.slice();
    EXPECT_EQ(text(cache.put("k", "value")), "done");
    EXPECT_EQ(text(cache.put("l", "value")), "done");
    const auto found = cache.get_many({"k", "none", "l"});
    EXPECT_EQ(text(found[0]), "value");
    EXPECT_EQ(text(found[1]), "<nothing>");
    EXPECT_EQ(text(found[2]), "value");
}

TEST(MemcachedSasl, a_reply_cut_off_anywhere_is_an_error_or_complete) {
    MemcachedServer server({.log_in = test_log_in});
    ASSERT_EQ(text(calls(server.address()).put("k", "value")), "done");
    FaultProxy proxy(server.port());
    bool complete = false;
    for (std::size_t bytes = 1; !complete && bytes < 200; ++bytes) {
        proxy.close_after(bytes);
        const auto cache = calls(local(proxy.port()));
        const auto outcome = text(cache.get("k"));
        complete = outcome == "value";
        EXPECT_TRUE(complete || outcome == "<connection_lost>" || outcome == "<connection_failed>" ||
                    outcome == "<protocol_error>")
            << bytes << ": " << outcome;
    }
    EXPECT_TRUE(complete);
}

} // namespace
} // namespace tiercel::test
