#include "client.hpp"
#include "raw_redis.hpp"

#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tiercel::redis::test {
namespace {

class RedisOperations : public ::testing::Test {
protected:
    tiercel::test::RedisServer server;
    Client client{server.url()};
};

TEST_F(RedisOperations, a_value_comes_back_as_it_went) {
    const std::string binary("\0\r\n\xff$5\r\n", 8);
    EXPECT_TRUE(client.put("key", binary));
    EXPECT_EQ(client.text("key"), binary);
}

TEST_F(RedisOperations, an_empty_value_is_a_value) {
    EXPECT_TRUE(client.put("key", ""));
    EXPECT_EQ(client.text("key"), "");
}

TEST_F(RedisOperations, an_absent_key_is_no_error) {
    EXPECT_EQ(client.text("key"), "(none)");
}

TEST_F(RedisOperations, keys_are_any_bytes_of_any_length) {
    const std::string large(std::size_t{10} << 20, 'k');
    for (const auto& key : {std::string(), std::string("a b\r\nGET c\0d", 12), large}) {
        EXPECT_TRUE(client.put(key, "value"));
        EXPECT_EQ(client.text(key), "value");
    }
}

TEST_F(RedisOperations, a_large_value_comes_back) {
    const std::string large(std::size_t{30} << 20, 'v');
    EXPECT_TRUE(client.put("key", large, std::nullopt, 30s));
    EXPECT_TRUE(client.text("key", 30s) == large);
}

TEST_F(RedisOperations, a_value_over_the_limit_is_refused_and_harms_no_other) {
    Client small(server.url(), {.max_reply_bytes = 4096});
    const std::string over(5000, 'v');
    const std::vector<spi::PutItem> items{{"over", over, {}}, {"under", "value", {}}};
    const auto results = small.run(small.backend->put_many(items, within(5s)));
    EXPECT_EQ(code_of(results[0]), Errc::value_too_large);
    EXPECT_TRUE(results[1]);
    EXPECT_EQ(small.text("under"), "value");
}

TEST_F(RedisOperations, a_batch_larger_than_what_may_be_pending_goes_out_in_parts) {
    Client small(server.url(), {.max_pending_bytes = 4096, .max_reply_bytes = 4096});
    const std::string value(1500, 'v');
    const std::string largest(4096 - 256, 'v');
    std::vector<spi::PutItem> items;
    for (const char* key : {"a", "b", "c", "d", "e"})
        items.push_back({key, value, {}});
    items.push_back({"f", largest, {}});
    for (const auto& result : small.run(small.backend->put_many(items, within(5s)))) {
        EXPECT_TRUE(result) << result.error().message();
    }
    EXPECT_EQ(small.text("e"), value);
    EXPECT_EQ(small.text("f"), largest);
}

TEST_F(RedisOperations, a_stored_value_over_the_limit_fails_alone) {
    Client small(server.url(), {.max_reply_bytes = 4096});
    EXPECT_TRUE(client.put("a", "first"));
    EXPECT_TRUE(client.put("b", std::string(1 << 20, 'v')));
    EXPECT_TRUE(client.put("c", "last"));
    const std::vector<BytesView> keys{"a", "b", "c"};
    const auto lookups = small.run(small.backend->get_many(keys, within(5s)));
    EXPECT_EQ(lookups[0].value()->value, "first");
    EXPECT_EQ(code_of(lookups[1]), Errc::value_too_large);
    EXPECT_EQ(lookups[2].value()->value, "last");
}

TEST_F(RedisOperations, values_that_fit_alone_but_not_together_are_all_read) {
    Client small(server.url(), {.max_reply_bytes = 64 << 10});
    const std::string value(50 << 10, 'v'); // two fit into a reply, its allowance for headers included
    const std::vector<BytesView> keys{"a", "b", "c", "d", "e"};
    for (const auto key : keys)
        ASSERT_TRUE(client.put(key, std::string(key) + value));
    const auto lookups = small.run(small.backend->get_many(keys, within(5s)));
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_TRUE(lookups[i] && lookups[i].value()) << keys[i];
        EXPECT_EQ(lookups[i].value()->value, std::string(keys[i]) + value);
    }
}

TEST_F(RedisOperations, a_batch_of_ten_thousand) {
    std::vector<std::string> names;
    for (int i = 0; i < 10'000; ++i)
        names.push_back("key:" + std::to_string(i));
    std::vector<spi::PutItem> items;
    std::vector<BytesView> keys;
    for (const auto& name : names) {
        items.push_back({name, name, 1min});
        keys.push_back(name);
    }
    for (const auto& result : client.run(client.backend->put_many(items, within(30s))))
        ASSERT_TRUE(result);
    const auto lookups = client.run(client.backend->get_many(keys, within(30s)));
    ASSERT_EQ(lookups.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        ASSERT_EQ(lookups[i].value()->value, names[i]);
    for (const auto& touched : client.run(client.backend->touch_many(keys, 1h, within(30s)))) {
        ASSERT_TRUE(touched.value());
    }
    for (const auto& erased : client.run(client.backend->erase_many(keys, within(30s))))
        ASSERT_TRUE(erased.value());
    for (const auto& erased : client.run(client.backend->erase_many(keys, within(30s))))
        ASSERT_FALSE(erased.value());
}

TEST_F(RedisOperations, an_empty_batch_is_done_at_once) {
    EXPECT_TRUE(client.run(client.backend->get_many({}, within(0ms))).empty());
    EXPECT_TRUE(client.run(client.backend->put_many({}, within(0ms))).empty());
    EXPECT_TRUE(client.run(client.backend->erase_many({}, within(0ms))).empty());
    EXPECT_TRUE(client.run(client.backend->touch_many({}, 1s, within(0ms))).empty());
}

TEST_F(RedisOperations, a_life_is_kept_by_the_server_to_the_millisecond) {
    RawRedis raw(server.port());
    EXPECT_TRUE(client.put("for_ever", "v"));
    EXPECT_TRUE(client.put("long", "v", 100'000s));
    EXPECT_TRUE(client.put("short", "v", 1ms));
    EXPECT_EQ(raw("TTL for_ever"), ":-1");
    EXPECT_EQ(raw("TTL long"), ":100000");
    EXPECT_TRUE(tiercel::test::wait_until([&] { return client.text("short") == "(none)"; }));
}

TEST_F(RedisOperations, a_life_of_centuries_is_taken) {
    EXPECT_TRUE(client.put("century", "v", 24h * 365 * 100));
    EXPECT_TRUE(client.put("endless", "v", std::chrono::milliseconds::max()));
    EXPECT_EQ(client.text("century"), "v");
    EXPECT_EQ(client.text("endless"), "v");
    EXPECT_TRUE(client.touch("endless", std::chrono::milliseconds::max()).value());
    EXPECT_EQ(client.text("endless"), "v");
}

TEST_F(RedisOperations, a_life_of_nothing_is_refused_and_erases_nothing) {
    EXPECT_TRUE(client.put("key", "v"));
    EXPECT_EQ(code_of(client.put("key", "w", 0ms)), Errc::invalid_option);
    EXPECT_EQ(code_of(client.put("key", "w", -1ms)), Errc::invalid_option);
    EXPECT_EQ(code_of(client.touch("key", 0ms)), Errc::invalid_option);
    EXPECT_EQ(client.text("key"), "v");
}

TEST_F(RedisOperations, touch_gives_a_present_key_a_new_life) {
    RawRedis raw(server.port());
    EXPECT_TRUE(client.put("key", "v", 10s));
    EXPECT_TRUE(client.touch("key", 5000s).value());
    EXPECT_EQ(raw("TTL key"), ":5000");
    EXPECT_FALSE(client.touch("other", 5000s).value());
}

TEST_F(RedisOperations, put_if_absent_is_for_the_first) {
    EXPECT_EQ(client.run(client.backend->put_if_absent({"key", "first", 1min}, within(5s))).value(),
              spi::Conditional::stored);
    EXPECT_EQ(client.run(client.backend->put_if_absent({"key", "second", {}}, within(5s))).value(),
              spi::Conditional::conflict);
    EXPECT_EQ(client.text("key"), "first");
}

class RedisPutIfVersion : public RedisOperations {
protected:
    spi::Version version_of(BytesView key) { return client.get(key).value()->version; }
    Result<spi::Conditional> put_if(BytesView value, spi::Version expected,
                                    std::optional<std::chrono::milliseconds> ttl = std::nullopt) {
        return client.run(client.backend->put_if_version({"key", value, ttl}, expected, within(5s)));
    }
};

TEST_F(RedisPutIfVersion, stores_while_the_state_is_the_one_read) {
    EXPECT_TRUE(client.put("key", "old"));
    const auto version = version_of("key");
    EXPECT_EQ(put_if("new", version).value(), spi::Conditional::stored);
    EXPECT_EQ(client.text("key"), "new");
    EXPECT_NE(version_of("key"), version);
}

TEST_F(RedisPutIfVersion, does_not_store_over_another_write_even_of_the_same_value) {
    EXPECT_TRUE(client.put("key", "old"));
    const auto version = version_of("key");
    EXPECT_TRUE(client.put("key", "old"));
    EXPECT_EQ(put_if("new", version).value(), spi::Conditional::conflict);
    EXPECT_EQ(client.text("key"), "old");
}

TEST_F(RedisPutIfVersion, does_not_bring_back_an_erased_key) {
    EXPECT_TRUE(client.put("key", "old"));
    const auto version = version_of("key");
    EXPECT_TRUE(client.erase("key").value());
    EXPECT_EQ(put_if("new", version).value(), spi::Conditional::absent);
    EXPECT_EQ(client.text("key"), "(none)");
}

TEST_F(RedisPutIfVersion, sets_the_life_it_is_given) {
    RawRedis raw(server.port());
    EXPECT_TRUE(client.put("key", "old", 10s));
    EXPECT_EQ(put_if("new", version_of("key"), 5000s).value(), spi::Conditional::stored);
    EXPECT_EQ(raw("TTL key"), ":5000");
    EXPECT_EQ(put_if("newer", version_of("key")).value(), spi::Conditional::stored);
    EXPECT_EQ(raw("TTL key"), ":-1");
}

TEST_F(RedisPutIfVersion, survives_a_script_flush) {
    RawRedis raw(server.port());
    EXPECT_TRUE(client.put("key", "old"));
    EXPECT_EQ(put_if("new", version_of("key")).value(), spi::Conditional::stored);
    EXPECT_EQ(raw("SCRIPT FLUSH"), "+OK");
    EXPECT_EQ(put_if("newer", version_of("key")).value(), spi::Conditional::stored);
}

TEST_F(RedisPutIfVersion, takes_a_foreign_value_for_another_state) {
    RawRedis raw(server.port());
    EXPECT_EQ(raw("SET key \"\""), "+OK");
    EXPECT_EQ(put_if("new", spi::Version{}).value(), spi::Conditional::conflict);
    EXPECT_EQ(raw("DEL key"), ":1");
    EXPECT_EQ(raw("LPUSH key element"), ":1");
    EXPECT_EQ(code_of(put_if("new", spi::Version{})), Errc::wrong_type);
}

TEST_F(RedisOperations, a_foreign_value_is_corrupt_or_a_miss) {
    RawRedis raw(server.port());
    EXPECT_EQ(raw("SET short 1234567"), "+OK");
    EXPECT_EQ(raw("LPUSH list element"), ":1");
    EXPECT_EQ(client.text("short"), "corrupt");
    EXPECT_EQ(client.text("list"), "(none)"); // MGET answers nil for what is no string
}

TEST_F(RedisOperations, scan_finds_each_key_of_the_prefix_and_no_other) {
    std::set<std::string> expected;
    for (int i = 0; i < 2000; ++i) {
        const auto name = "a*[b]?\\:" + std::to_string(i);
        expected.insert(name);
        ASSERT_TRUE(client.put(name, "v"));
    }
    ASSERT_TRUE(client.put("axb:1", "v"));
    ASSERT_TRUE(client.put("other", "v"));
    std::set<std::string> found;
    std::string cursor;
    std::size_t pages = 0;
    do {
        const auto page = client.run(client.backend->scan("a*[b]?\\:", cursor, within(5s)));
        ASSERT_TRUE(page) << page.error().message();
        found.insert(page->keys.begin(), page->keys.end());
        cursor = page->cursor;
        ++pages;
    } while (!cursor.empty());
    EXPECT_EQ(found, expected);
    EXPECT_GT(pages, 1U);
}

TEST_F(RedisOperations, ping_says_that_it_serves) {
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisOperations, a_deadline_in_the_past_is_a_timeout) {
    EXPECT_EQ(client.text("key", -1ms), "timeout");
    EXPECT_EQ(code_of(client.put("key", "v", std::nullopt, 0ms)), Errc::timeout);
}

TEST_F(RedisOperations, several_connections_serve_as_one) {
    Client many(server.url(), {.connections = 4, .blocking_connections = 0});
    for (int i = 0; i < 16; ++i) {
        const auto key = std::to_string(i);
        EXPECT_TRUE(many.put(key, key));
        EXPECT_EQ(many.text(key), key);
    }
    EXPECT_EQ(RawRedis(server.port()).clients_named("tiercel").count, 4U);
}

TEST_F(RedisOperations, the_connection_is_named_for_client_list) {
    Client named(server.url(), {.client_name = "orders"});
    ASSERT_TRUE(named.ping());
    EXPECT_EQ(RawRedis(server.port()).clients_named("orders").count, 1U);
}

} // namespace
} // namespace tiercel::redis::test
