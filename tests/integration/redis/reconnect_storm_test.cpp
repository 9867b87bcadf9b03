#include "client.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace tiercel::redis::test {
namespace {

using tiercel::test::wait_until;

constexpr std::size_t caller_count = 1000;

struct Outcomes {
    std::atomic<std::size_t> begun{0}; ///< callers
    std::atomic<std::size_t> served{0};
    std::atomic<std::size_t> not_connected{0};
    std::atomic<std::size_t> other{0};
    std::atomic<bool> stop{false};
};

boost::asio::awaitable<void> call_again(std::shared_ptr<spi::Backend> backend, std::size_t times, Outcomes& outcomes) {
    ++outcomes.begun;
    for (; times > 0 && !outcomes.stop; --times) {
        const auto answer = co_await backend->ping(within(1h));
        if (answer) {
            ++outcomes.served;
        } else if (answer.error() == Errc::connection_failed || answer.error() == Errc::connection_lost) {
            ++outcomes.not_connected;
        } else {
            ++outcomes.other;
        }
    }
}

/// The proxy counts the attempts to connect; the server behind it is the one that dies.
class ReconnectStorm : public ::testing::Test {
protected:
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(proxy.port()); }

    void start_callers(Client& client, std::size_t times) {
        for (std::size_t i = 0; i < caller_count; ++i)
            callers.push_back(client.start(call_again(client.backend, times, outcomes)));
        ASSERT_TRUE(wait_until([&] { return outcomes.begun == caller_count; }));
    }
    void join() {
        for (auto& caller : callers)
            caller.get();
    }

    tiercel::test::RedisServer server;
    tiercel::test::FaultProxy proxy{server.port()};
    Outcomes outcomes;
    std::vector<std::future<void>> callers;
};

TEST_F(ReconnectStorm, a_thousand_callers_of_a_server_that_dies_make_one_attempt_to_connect) {
    Client client(url(), {.max_silence = 1h, .reconnect_delay_min = 1h, .reconnect_delay_max = 1h});
    ASSERT_TRUE(client.ping());
    server.stop_replying(); // all of them wait for an answer when it dies
    start_callers(client, 10);
    server.kill9();
    join();
    EXPECT_EQ(proxy.accepted(), 2U) << "the connection that was lost, and one attempt";
    EXPECT_EQ(outcomes.not_connected, caller_count * 10);
}

TEST_F(ReconnectStorm, each_of_several_connections_makes_one_attempt) {
    constexpr std::size_t connections = 4;
    Client client(
        url(), {.max_silence = 1h, .reconnect_delay_min = 1h, .reconnect_delay_max = 1h, .connections = connections});
    for (std::size_t i = 0; i < connections; ++i)
        ASSERT_TRUE(client.ping());
    ASSERT_EQ(proxy.accepted(), connections);
    server.stop_replying();
    start_callers(client, 10);
    server.kill9();
    join();
    EXPECT_EQ(proxy.accepted(), 2 * connections);
    EXPECT_EQ(outcomes.not_connected, caller_count * 10);
}

TEST_F(ReconnectStorm, callers_who_never_give_up_make_one_attempt_for_each_back_off) {
    constexpr auto delay = 20ms; // less a share of up to a half
    Client client(url(), {.reconnect_delay_min = delay, .reconnect_delay_max = delay});
    ASSERT_TRUE(client.ping());
    start_callers(client, SIZE_MAX);
    const auto begin = std::chrono::steady_clock::now();
    server.kill9();
    EXPECT_TRUE(wait_until([&] { return proxy.accepted() >= 6; }));
    const auto accepted = proxy.accepted();
    const auto back_offs = (std::chrono::steady_clock::now() - begin) / (delay / 2);
    EXPECT_LE(accepted, 2 + static_cast<std::size_t>(back_offs));
    server.restart();
    const auto served = outcomes.served.load();
    EXPECT_TRUE(wait_until([&] { return outcomes.served > served + caller_count; }));
    outcomes.stop = true;
    join();
    EXPECT_EQ(outcomes.other, 0U);
}

} // namespace
} // namespace tiercel::redis::test
