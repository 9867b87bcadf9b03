#include "both_clients.hpp"

#include "support/fault_proxy.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

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

} // namespace
} // namespace tiercel::test
