#include "calls.hpp"

#include "support/fault_proxy.hpp"
#include "support/memcached_server.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace tiercel::test {
namespace {

std::string local(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
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

} // namespace
} // namespace tiercel::test
