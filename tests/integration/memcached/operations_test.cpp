#include "both_clients.hpp"

#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

namespace tiercel::test {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

struct MemcachedOperations : ::testing::TestWithParam<MemcachedClient> {
    MemcachedServer server{server_for(GetParam())};
    Calls cache = calls_over(GetParam(), server.address());
};

INSTANTIATE_TEST_SUITE_P(Each, MemcachedOperations, both_clients, client_name);

TEST_P(MemcachedOperations, a_value_is_put_found_touched_and_erased) {
    EXPECT_EQ(text(cache.get("k")), "<nothing>");
    EXPECT_EQ(text(cache.put("k", "v")), "done");
    EXPECT_EQ(text(cache.get("k")), "v");
    EXPECT_EQ(text(cache.touch("k", 1h)), "true");
    EXPECT_EQ(text(cache.touch("none", 1h)), "false");
    EXPECT_EQ(text(cache.erase("k")), "true");
    EXPECT_EQ(text(cache.erase("k")), "false");
    EXPECT_EQ(text(cache.get("k")), "<nothing>");
    EXPECT_EQ(text(cache.ping()), "done");
}

TEST_P(MemcachedOperations, empty_and_binary_values_come_back_as_they_are) {
    Bytes binary;
    for (int i = 0; i < 512; ++i)
        binary += static_cast<char>(i);
    binary += "\r\nEND\r\nVALUE k 0 3\r\nabc\r\n";
    EXPECT_EQ(text(cache.put("empty", "")), "done");
    EXPECT_EQ(text(cache.put("binary", binary)), "done");
    EXPECT_EQ(text(cache.get("empty")), "");
    EXPECT_EQ(text(cache.get("binary")), binary);
}

TEST_P(MemcachedOperations, a_value_of_999999_bytes_is_kept) {
    const Bytes value(999'999, 'x');
    EXPECT_EQ(text(cache.put("k", value)), "done");
    EXPECT_EQ(text(cache.get("k")), value);
}

TEST_P(MemcachedOperations, the_largest_value_allowed_by_default_fits_with_the_longest_key) {
    const Bytes key(250, 'k');
    const Bytes value(memcached::Options().max_value_bytes, 'x');
    EXPECT_EQ(text(cache.put(key, value)), "done");
    EXPECT_EQ(text(cache.get(key)), value);
}

TEST_P(MemcachedOperations, a_value_over_the_limit_is_not_sent_and_leaves_the_old_one) {
    const Bytes large(memcached::Options().max_value_bytes + 1, 'x');
    EXPECT_EQ(text(cache.put("k", "old")), "done");
    const auto results = cache.put_many({{.key = "a", .value = "1", .ttl = {}},
                                         {.key = "k", .value = large, .ttl = {}},
                                         {.key = "b", .value = "2", .ttl = {}}});
    EXPECT_EQ(text(results[0]), "done");
    EXPECT_EQ(text(results[1]), "value_too_large");
    EXPECT_THAT(results[1].error().message(), HasSubstr("max_value_bytes"));
    EXPECT_EQ(text(results[2]), "done");
    EXPECT_EQ(text(cache.get("k")), "old");
}

TEST_P(MemcachedOperations, a_value_over_the_servers_limit_is_an_error_of_its_key_only) {
    const auto bold = calls_over(GetParam(), server.address(), 8 << 20);
    const Bytes large(2 << 20, 'x');
    const auto results = bold.put_many({{.key = "a", .value = "1", .ttl = {}},
                                        {.key = "k", .value = large, .ttl = {}},
                                        {.key = "b", .value = "2", .ttl = {}}});
    EXPECT_EQ(text(results[0]), "done");
    EXPECT_EQ(text(results[1]), "value_too_large");
    EXPECT_THAT(results[1].error().message(), HasSubstr(server.address()));
    EXPECT_EQ(text(results[2]), "done");
    EXPECT_EQ(text(bold.put_if_absent("k2", large)), "value_too_large");
    EXPECT_EQ(text(bold.get("b")), "2");
}

TEST_P(MemcachedOperations, a_stored_value_over_the_limit_is_not_read_into_memory) {
    EXPECT_EQ(text(cache.put("large", Bytes(900'000, 'x'))), "done");
    EXPECT_EQ(text(cache.put("small", "v")), "done");
    const auto modest = calls_over(GetParam(), server.address(), 1'000);
    const bool meta = GetParam() == MemcachedClient::meta;
    EXPECT_EQ(text(modest.get("large")), meta ? "<value_too_large>" : "<protocol_error>");
    EXPECT_EQ(text(modest.get("small")), "v");
    if (!meta) return;
    const auto found = modest.get_many({"small", "large", "none"});
    EXPECT_EQ(text(found[0]), "v");
    EXPECT_EQ(text(found[1]), "<value_too_large>");
    EXPECT_EQ(text(found[2]), "<nothing>");
}

TEST_P(MemcachedOperations, a_key_that_memcached_cannot_carry_is_an_error_and_never_a_command) {
    EXPECT_EQ(text(cache.put("k", "v")), "done");
    const Bytes too_long(251, 'k');
    const Bytes too_long_for_base64 = "a\r\nflush_all\r\n" + Bytes(186, 'k');
    for (const BytesView key : {BytesView(""), BytesView(too_long), BytesView(too_long_for_base64)}) {
        EXPECT_EQ(text(cache.get(key)), "<invalid_key>");
        EXPECT_EQ(text(cache.put(key, "v")), "invalid_key");
        EXPECT_EQ(text(cache.erase(key)), "invalid_key");
        EXPECT_EQ(text(cache.touch(key, 1h)), "invalid_key");
        EXPECT_EQ(text(cache.put_if_absent(key, "v")), "invalid_key");
    }
    const auto found = cache.get_many({"k", too_long, "k"});
    EXPECT_EQ(text(found[0]), "v");
    EXPECT_EQ(text(found[1]), "<invalid_key>");
    EXPECT_EQ(text(found[2]), "v");
}

TEST_P(MemcachedOperations, a_key_of_other_bytes_is_a_key_in_base64_or_an_error_but_never_a_command) {
    EXPECT_EQ(text(cache.put("k", "v")), "done");
    const bool possible = GetParam() == MemcachedClient::meta;
    const Bytes longest = "a\r\nflush_all\r\n" + Bytes(171, '\0');
    for (const BytesView key : {BytesView("a b"), BytesView("a\r\nflush_all"), BytesView("a\0b", 3), BytesView("\x7f"),
                                BytesView("\xc3\xa9"), BytesView(longest)}) {
        EXPECT_EQ(text(cache.put(key, "v")), possible ? "done" : "invalid_key");
        EXPECT_EQ(text(cache.get(key)), possible ? "v" : "<invalid_key>");
        EXPECT_EQ(text(cache.touch(key, 1h)), possible ? "true" : "invalid_key");
        EXPECT_EQ(text(cache.put_if_absent(key, "v")), possible ? "conflict" : "invalid_key");
        EXPECT_EQ(text(cache.erase(key)), possible ? "true" : "invalid_key");
        EXPECT_EQ(text(cache.get(key)), possible ? "<nothing>" : "<invalid_key>");
    }
    EXPECT_EQ(text(cache.get("k")), "v");
}

TEST_P(MemcachedOperations, a_ttl_that_is_not_positive_is_an_error_not_eternity) {
    EXPECT_EQ(text(cache.put("k", "v", 0ms)), "invalid_option");
    EXPECT_EQ(text(cache.put("k", "v", -1ms)), "invalid_option");
    EXPECT_EQ(text(cache.touch("k", 0ms)), "invalid_option");
    EXPECT_EQ(text(cache.get("k")), "<nothing>");
}

TEST_P(MemcachedOperations, long_ttls_stay_and_short_ones_go) {
    for (const auto& [key, ttl] : {std::pair<BytesView, std::chrono::hours>("30d", 30 * 24h),
                                   {"31d", 31 * 24h},
                                   {"1y", 365 * 24h},
                                   {"100y", 36'525 * 24h}})
        EXPECT_EQ(text(cache.put(key, "v", ttl)), "done");
    EXPECT_EQ(text(cache.put("touched", "v")), "done");
    EXPECT_EQ(text(cache.touch("touched", 31 * 24h)), "true");
    EXPECT_EQ(text(cache.put("short", "v", 1ms)), "done");
    EXPECT_EQ(text(cache.get("short")), "v"); // not before its time, however short
    EXPECT_TRUE(wait_until([&] { return text(cache.get("short")) == "<nothing>"; }));
    for (const BytesView key : {"30d", "31d", "1y", "100y", "touched"})
        EXPECT_EQ(text(cache.get(key)), "v") << key;
}

TEST_P(MemcachedOperations, a_batch_of_10000_is_put_and_found) {
    std::vector<Bytes> keys;
    for (int i = 0; i < 10'000; ++i)
        keys.push_back("key:" + std::to_string(i));
    std::vector<spi::PutItem> items;
    for (const auto& key : keys)
        items.push_back({.key = key, .value = key, .ttl = {}});
    for (const auto& put : cache.put_many(items))
        ASSERT_EQ(text(put), "done");
    const auto found = cache.get_many({keys.begin(), keys.end()});
    ASSERT_EQ(found.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i)
        ASSERT_EQ(text(found[i]), keys[i]);
}

TEST_P(MemcachedOperations, a_batch_of_large_values_is_found) {
    std::vector<Bytes> keys;
    for (int i = 0; i < 60; ++i) {
        keys.push_back("key:" + std::to_string(i));
        ASSERT_EQ(text(cache.put(keys.back(), Bytes(500'000, static_cast<char>('A' + i)))), "done");
    }
    const auto found = cache.get_many({keys.begin(), keys.end()});
    for (std::size_t i = 0; i < keys.size(); ++i)
        ASSERT_EQ(text(found[i]), Bytes(500'000, static_cast<char>('A' + i)));
}

TEST_P(MemcachedOperations, a_version_holds_until_somebody_writes) {
    EXPECT_EQ(text(cache.put("k", "1")), "done");
    const auto first = cache.get("k").value()->version;
    EXPECT_EQ(text(cache.put_if_version("k", "2", first)), "stored");
    EXPECT_EQ(text(cache.put_if_version("k", "3", first)), "conflict");
    EXPECT_EQ(text(cache.get("k")), "2");
    const auto second = cache.get("k").value()->version;
    EXPECT_EQ(text(cache.erase("k")), "true");
    EXPECT_EQ(text(cache.put_if_version("k", "4", second)), "absent");
    EXPECT_EQ(text(cache.put_if_version("k", "4", spi::Version{})), "conflict");
    EXPECT_EQ(text(cache.get("k")), "<nothing>");
}

TEST_P(MemcachedOperations, one_of_many_concurrent_put_if_absent_wins) {
    for (int round = 0; round < 20; ++round) {
        const auto key = "k" + std::to_string(round);
        std::atomic<int> stored{0};
        std::atomic<int> conflicts{0};
        std::vector<std::thread> callers;
        for (int i = 0; i < 6; ++i) {
            callers.emplace_back([&, i] {
                const auto outcome = text(cache.put_if_absent(key, std::to_string(i)));
                ++(outcome == "stored" ? stored : conflicts);
                EXPECT_TRUE(outcome == "stored" || outcome == "conflict") << outcome;
            });
        }
        for (auto& caller : callers)
            caller.join();
        EXPECT_EQ(stored, 1);
        EXPECT_EQ(conflicts, 5);
    }
}

TEST_P(MemcachedOperations, close_fails_later_calls_and_answers_those_in_progress) {
    EXPECT_EQ(text(cache.put("k", "v")), "done");
    std::atomic<int> answered{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
        callers.emplace_back([&] {
            for (;;) {
                const auto outcome = text(cache.get("k"));
                if (outcome == "<closed>") return;
                EXPECT_EQ(outcome, "v");
                ++answered;
            }
        });
    }
    EXPECT_TRUE(wait_until([&] { return answered > 100; }));
    cache.close();
    for (auto& caller : callers)
        caller.join();
    EXPECT_EQ(text(cache.put("k", "w")), "closed");
    EXPECT_EQ(text(cache.ping()), "closed");
}

TEST(MemcachedUnixSocket, is_a_server_like_any_other) {
    MemcachedServer server({.unix_socket = true});
    const Calls cache("unix://" + server.unix_socket().string());
    EXPECT_EQ(text(cache.put("k", "v")), "done");
    EXPECT_EQ(text(cache.get("k")), "v");
    server.kill9();
    // The first one may still find the connection that has just broken.
    EXPECT_TRUE(wait_until([&] { return text(cache.get("k")) == "<connection_failed>"; }));
    EXPECT_THAT(cache.get("k").error().message(), HasSubstr(server.unix_socket().string()));
}

using MemcachedOutOfMemory = ::testing::TestWithParam<MemcachedClient>;
INSTANTIATE_TEST_SUITE_P(Each, MemcachedOutOfMemory, both_clients, client_name);

TEST_P(MemcachedOutOfMemory, is_an_error_of_the_key) {
    // -M: errors instead of evictions
    MemcachedServer server(server_for(GetParam(), {.arguments = {"-M", "-m", "8"}}));
    const auto cache = calls_over(GetParam(), server.address());
    const Bytes value(500'000, 'x');
    std::string outcome = "done";
    for (int i = 0; outcome == "done" && i < 100; ++i)
        outcome = text(cache.put("key:" + std::to_string(i), value));
    EXPECT_EQ(outcome, "out_of_memory");
    EXPECT_EQ(text(cache.get("none")), "<nothing>");
}

} // namespace
} // namespace tiercel::test
