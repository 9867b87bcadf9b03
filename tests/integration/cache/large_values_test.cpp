// Values over memcached's own limit of a megabyte, in chunks, on real servers with their default limit.

#include "integration/cache/texts.hpp"
#include "integration/support/line_client.hpp"

#include <boost/asio/ip/address_v4.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace tiercel::test {
namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

/// Bytes without a pattern: no chunk is like another.
std::string noise(std::size_t bytes, unsigned seed = 1) {
    std::mt19937_64 random(seed);
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i + 8 <= bytes; i += 8) {
        const auto word = random();
        for (std::size_t n = 0; n < 8; ++n)
            text[i + n] = static_cast<char>(word >> (8 * n));
    }
    return text;
}

Texts::Options splitting(std::string_view servers) {
    auto tier = memcached_tier(servers);
    tier.large_values = LargeValues::split;
    tier.max_ttl = 1h;
    return texts({std::move(tier)});
}

/// Every key that the server holds, as it is spelled there.
std::vector<std::string> keys_of(const MemcachedServer& server) {
    TcpClient client({boost::asio::ip::address_v4::loopback(), server.port()});
    const auto dump = client.ask("lru_crawler metadump all", "END\r\n");
    std::vector<std::string> keys;
    for (auto at = dump.find("key="); at != std::string::npos; at = dump.find("key=", at)) {
        at += 4;
        std::string key;
        for (; dump.at(at) != ' '; ++at) {
            if (dump[at] != '%') {
                key += dump[at];
                continue;
            }
            key += static_cast<char>(std::stoi(dump.substr(at + 1, 2), nullptr, 16));
            at += 2;
        }
        keys.push_back(std::move(key));
    }
    return keys;
}

TEST(LargeValues, of_five_megabytes_go_through_a_memcached_that_takes_one) {
    const MemcachedServer server;
    const auto value = noise(5 * megabyte);
    const auto report = made(splitting(server.address())).put("key", value);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->complete()) << report->tiers.at(0).error->message();
    EXPECT_EQ(keys_of(server).size(), 1U + 6U) << "a manifest, and chunks of nearly a megabyte";

    const auto reader = made(splitting(server.address()));
    const auto found = reader.get("key");
    ASSERT_TRUE(found);
    EXPECT_EQ(found.source(), from_tier(0));
    EXPECT_TRUE(*found == value);
    EXPECT_EQ(reader.stats().tiers[0].split_reads, 1U);
}

TEST(LargeValues, share_batches_with_small_ones) {
    const MemcachedServer server;
    std::vector<std::pair<std::string, std::string>> all;
    std::vector<std::string> keys;
    for (unsigned i = 0; i < 12; ++i) {
        all.emplace_back("key " + std::to_string(i), noise(i % 3 == 0 ? 3 * megabyte + i : 100 + i, i));
        keys.push_back(all.back().first);
    }
    const auto writer = made(splitting(server.address()));
    for (const auto& report : writer.put_many(all))
        EXPECT_TRUE(report->complete());
    const auto found = made(splitting(server.address())).get_many(keys);
    for (std::size_t i = 0; i < all.size(); ++i) {
        ASSERT_TRUE(found.at(i)) << i;
        EXPECT_TRUE(*found.at(i) == all[i].second) << i;
    }
}

TEST(LargeValues, are_overwritten_and_erased) {
    const MemcachedServer server;
    const auto cache = made(splitting(server.address()));
    for (unsigned round = 0; round < 3; ++round) {
        const auto value = noise(2 * megabyte, round);
        ASSERT_TRUE(cache.put("key", value)->complete());
        EXPECT_TRUE(*made(splitting(server.address())).get("key") == value);
    }
    ASSERT_TRUE(cache.put("key", "small")->complete());
    EXPECT_EQ(*made(splitting(server.address())).get("key"), "small");
    ASSERT_TRUE(cache.put("key", noise(2 * megabyte))->complete());
    ASSERT_TRUE(cache.invalidate("key")->complete());
    EXPECT_FALSE(made(splitting(server.address())).get("key"));
}

TEST(LargeValues, that_lost_a_chunk_are_missed_and_counted) {
    const MemcachedServer server;
    ASSERT_TRUE(made(splitting(server.address())).put("key", noise(5 * megabyte))->complete());
    const auto keys = keys_of(server);
    const auto chunk = std::find_if(keys.begin(), keys.end(), [](const auto& key) { return key.ends_with(":3"); });
    ASSERT_NE(chunk, keys.end());
    TcpClient client({boost::asio::ip::address_v4::loopback(), server.port()});
    ASSERT_EQ(client.ask("delete " + *chunk), "DELETED\r\n");
    const auto reader = made(splitting(server.address()));
    EXPECT_FALSE(reader.get("key"));
    EXPECT_EQ(reader.stats().tiers[0].split_incomplete, 1U);
    EXPECT_EQ(reader.stats().tiers[0].error_count(), 0U);
}

TEST(LargeValues, over_servers_of_which_one_died_are_a_failure_and_not_nothing) {
    const MemcachedServer one;
    MemcachedServer other;
    const auto servers = one.address() + ", " + other.address();
    ASSERT_TRUE(made(splitting(servers)).put("key", noise(20 * megabyte))->complete());
    other.kill9();
    auto options = splitting(servers);
    options.loader = [](const std::string&) -> Result<std::optional<std::string>> { return std::nullopt; };
    const auto reader = made(std::move(options));
    const auto found = reader.get_or_load("key", {.strictness = Strictness::strict});
    ASSERT_FALSE(found) << "none of 21 chunks was on the server that died?";
    EXPECT_EQ(found.error(), Errc::connection_failed);
    EXPECT_EQ(reader.stats().tiers[0].split_incomplete, 0U);
    other.restart();
    ASSERT_TRUE(made(splitting(servers)).put("key", noise(20 * megabyte))->complete());
    EXPECT_TRUE(made(splitting(servers)).get("key"));
}

} // namespace
} // namespace tiercel::test
