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

/// What failing_server_test.cpp and sasl_server_test.cpp have in common.
class MemcachedOutage : public ::testing::TestWithParam<MemcachedClient> {
protected:
    /// Comes back soon after an outage.
    static Calls eager(std::uint16_t port) {
        const auto address = "127.0.0.1:" + std::to_string(port);
        if (GetParam() == MemcachedClient::meta) {
            return Calls(address, {.reconnect_delay_min = 1ms, .reconnect_delay_max = 10ms});
        }
        return Calls(memcached::connect_sasl(address, logging_in({.retry_interval = 1ms})).value());
    }

    MemcachedServer server{server_for(GetParam())};
    const Calls cache = eager(server.port());
};

INSTANTIATE_TEST_SUITE_P(Each, MemcachedOutage, both_clients, client_name);

TEST_P(MemcachedOutage, a_stopped_server_costs_each_call_its_deadline_at_most_and_heals) {
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

TEST_P(MemcachedOutage, many_reads_with_short_deadlines_from_a_stuttering_server_never_mix_values_up) {
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

TEST_P(MemcachedOutage, a_large_batch_against_a_stopped_server_ends_by_its_deadline) {
    ASSERT_EQ(text(cache.put("k", "v")), "done");
    std::vector<Bytes> keys;
    for (int i = 0; i < 50'000; ++i) // more than the socket buffers take
        keys.push_back("key:" + Bytes(200, 'x') + std::to_string(i));
    server.stop_replying();
    for (const auto& found : cache.get_many({keys.begin(), keys.end()}, 100ms))
        ASSERT_EQ(text(found), "<timeout>");
    server.resume();
}

TEST_P(MemcachedOutage, writes_to_a_killed_server_are_errors_and_no_signal) {
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

TEST_P(MemcachedOutage, a_reply_in_single_bytes_is_read) {
    FaultProxy proxy(server.port());
    const auto sliced = eager(proxy.port());
    proxy.slice();
    EXPECT_EQ(text(sliced.put("k", "value")), "done");
    EXPECT_EQ(text(sliced.put("l", "value")), "done");
    const auto found = sliced.get_many({"k", "none", "l"});
    EXPECT_EQ(text(found[0]), "value");
    EXPECT_EQ(text(found[1]), "<nothing>");
    EXPECT_EQ(text(found[2]), "value");
}

TEST_P(MemcachedOutage, a_reply_cut_off_anywhere_is_an_error_or_complete) {
    ASSERT_EQ(text(cache.put("k", "value")), "done");
    FaultProxy proxy(server.port());
    bool complete = false;
    for (std::size_t bytes = 1; !complete && bytes < 200; ++bytes) {
        proxy.close_after(bytes);
        const auto outcome = text(eager(proxy.port()).get("k"));
        complete = outcome == "value";
        EXPECT_TRUE(complete || outcome == "<connection_lost>" || outcome == "<connection_failed>" ||
                    outcome == "<protocol_error>")
            << bytes << ": " << outcome;
    }
    EXPECT_TRUE(complete);
}

} // namespace
} // namespace tiercel::test
