#include "integration/cache/texts.hpp"
#include "integration/redis/raw_redis.hpp"
#include "support/wait_until.hpp"

#include <tiercel/zstd.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <set>

namespace tiercel::test {
namespace {

using redis::test::RawRedis;
using ::testing::HasSubstr;

/// Three tiers; the lower two compressed.
class ThreeTiers : public TwoServers {
protected:
    Texts::Options three(int level = 3) const {
        auto tiers = both();
        for (auto& tier : tiers)
            tier.compressor = zstd::compressor({.level = level});
        return texts(std::move(tiers));
    }
    /// As `three`, loading "of <key>" some hundred times over.
    Texts::Options loading() {
        auto options = three();
        options.loader = [this](const std::string& key) {
            ++loads;
            return value_of(key);
        };
        return options;
    }
    static std::string value_of(const std::string& key) {
        std::string value;
        for (int i = 0; i < 100; ++i)
            value += "of " + key + ", ";
        return value;
    }
    static std::vector<std::string> keys(int count) {
        std::vector<std::string> keys;
        for (int i = 0; i < count; ++i)
            keys.push_back("key " + std::to_string(i));
        return keys;
    }
    /// Fills of tiers end after the caller has its answer.
    static bool filled(const Texts& cache, std::size_t tier, std::uint64_t puts) {
        return wait_until([&] { return cache.stats().tiers[tier].puts >= puts; });
    }
    /// Calls of a command since CONFIG RESETSTAT.
    int calls_of(const std::string& command) const {
        const auto stats = RawRedis(redis.port()).bulk("INFO commandstats");
        const auto label = "cmdstat_" + command + ":calls=";
        const auto at = stats.find(label);
        return at == std::string::npos ? 0 : std::stoi(stats.substr(at + label.size()));
    }

    std::atomic<int> loads{0};
    const CallOptions only_redis{.skip = Skip::memory() | Skip::tier(1)};
    const CallOptions only_memcached{.skip = Skip::memory() | Skip::tier(0)};
};

TEST_F(ThreeTiers, a_loaded_value_is_in_every_tier) {
    const auto cache = made(loading());
    const auto loaded = cache.get_or_load("key");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->source(), from_loader);
    EXPECT_EQ(cache.get("key").source(), from_memory);
    ASSERT_TRUE(filled(cache, 0, 1) && filled(cache, 1, 1));

    const auto other = made(loading());
    for (const auto& [where, source] : {std::pair(only_redis, from_tier(0)), std::pair(only_memcached, from_tier(1))}) {
        const auto found = other.get("key", where);
        ASSERT_TRUE(found);
        EXPECT_EQ(found.source(), source);
        EXPECT_EQ(*found, value_of("key"));
    }
    EXPECT_EQ(other.get_or_load("key")->source(), from_tier(0));
    EXPECT_EQ(loads, 1);
    const auto stats = cache.stats();
    EXPECT_LT(stats.tiers[0].bytes_out, stats.tiers[0].raw_bytes_out) << "it was not compressed";
}

TEST_F(ThreeTiers, a_hit_in_a_lower_tier_fills_those_above_with_the_life_it_has_left) {
    ASSERT_TRUE(made(three()).put("key", "value", {.ttl = 1h}));
    RawRedis raw(redis.port());
    ASSERT_EQ(raw("FLUSHALL"), "+OK");
    auto options = three();
    options.expiry.ttl = 24h;
    const auto cache = made(std::move(options));
    EXPECT_EQ(cache.get("key").source(), from_tier(1));
    ASSERT_TRUE(filled(cache, 0, 1));
    const auto left = std::stoll(raw("PTTL texts:key").substr(1));
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 3'600'000) << "it outlives the value it was copied from";
    EXPECT_EQ(cache.get("key").source(), from_memory);
}

TEST_F(ThreeTiers, an_entry_filled_from_a_tier_leaves_memory_when_that_tier_would_have_dropped_it) {
    ASSERT_TRUE(made(three()).put("key", "value", {.ttl = 300ms}));
    const auto cache = made(three());
    const auto found = cache.get("key");
    if (found) {
        EXPECT_TRUE(wait_until([&] { return !cache.get("key"); }));
        EXPECT_TRUE(wait_until([&] { return cache.stats().memory.entries == 0; })) << "it stays until touched";
    }
}

TEST_F(ThreeTiers, values_written_with_another_level_or_raw_are_readable) {
    ASSERT_TRUE(made(three(1)).put("fast", value_of("fast")));
    ASSERT_TRUE(made(three(19)).put("small", value_of("small")));
    ASSERT_TRUE(made(texts(both())).put("raw", value_of("raw")));
    const auto cache = made(three(3));
    for (const std::string key : {"fast", "small", "raw"}) {
        for (const auto& where : {only_redis, only_memcached}) {
            const auto found = cache.get(key, where);
            ASSERT_TRUE(found) << key;
            EXPECT_EQ(*found, value_of(key));
        }
    }
    // Without a compressor a compressed value is a miss, counted by what is wrong with it.
    const auto plain = made(texts(both()));
    EXPECT_FALSE(plain.get("fast", only_redis));
    const auto defects = plain.stats().tiers[0].defects;
    ASSERT_EQ(defects.size(), 1U);
    EXPECT_EQ(defects[0].second, 1U);
}

TEST_F(ThreeTiers, what_one_process_writes_invalidates_and_clears_the_other_finds_so_in_the_tiers) {
    const auto a = made(three());
    const auto b = made(three());
    for (const auto& key : keys(10))
        ASSERT_TRUE(a.put(key, "first")->complete());
    EXPECT_EQ(*b.get("key 1"), "first");
    ASSERT_TRUE(a.put("key 1", "second")->complete());
    EXPECT_EQ(*b.get("key 1", only_redis), "second");
    EXPECT_EQ(*b.get("key 1", only_memcached), "second");

    const auto report = a.invalidate("key 2");
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->in_memory);
    EXPECT_TRUE(report->complete());
    EXPECT_FALSE(a.get("key 2"));
    EXPECT_FALSE(b.get("key 2"));

    ASSERT_TRUE(a.clear()->complete());
    for (const auto& key : keys(10))
        EXPECT_FALSE(a.get(key));
    EXPECT_TRUE(wait_until([&] { return !b.get("key 3", only_redis); }));
    EXPECT_TRUE(wait_until([&] { return !b.get("key 3", only_memcached); }));
    EXPECT_FALSE(made(three()).get("key 3")) << "a process that starts afterwards sees what was cleared";

    ASSERT_TRUE(b.put("key 4", "after the clear")->complete());
    EXPECT_EQ(*a.get("key 4"), "after the clear");
}

TEST_F(ThreeTiers, a_put_right_after_a_load_is_not_undone_by_that_loads_fill) {
    const auto cache = made(loading());
    for (const auto& key : keys(100)) {
        ASSERT_TRUE(cache.get_or_load(key));
        ASSERT_TRUE(cache.put(key, "new"));
    }
    ASSERT_TRUE(wait_until([&] { return cache.stats().pressure.fences == 0; })) << "fills never ended";
    const auto other = made(three());
    for (const auto& reader : {&cache, &other}) {
        for (const auto& key : keys(100)) {
            for (const auto& where : {only_redis, only_memcached}) {
                if (const auto found = reader->get(key, where)) {
                    EXPECT_EQ(*found, "new") << key;
                }
            }
        }
    }
}

TEST_F(ThreeTiers, a_batch_is_one_command_to_each_server_and_one_call_of_the_loader) {
    auto options = three();
    std::atomic<int> batches{0};
    options.loader = [&](std::span<const std::string> wanted) {
        ++batches;
        std::vector<std::string> values;
        for (const auto& key : wanted)
            values.push_back(value_of(key));
        return values;
    };
    const auto cache = made(std::move(options));
    EXPECT_FALSE(cache.get("warm up: connections, and the marker of clear()"));
    RawRedis raw(redis.port());
    ASSERT_EQ(raw("CONFIG RESETSTAT"), "+OK");
    const auto hundred = keys(100);
    const auto before = cache.stats();
    for (const auto& each : cache.get_or_load_many(hundred))
        ASSERT_TRUE(each);
    EXPECT_EQ(calls_of("mget"), 1);
    EXPECT_EQ(calls_of("get"), 0);
    EXPECT_EQ(batches, 1);
    ASSERT_TRUE(filled(cache, 0, 100) && filled(cache, 1, 100));
    const auto after = cache.stats();
    for (const std::size_t tier : {0U, 1U}) {
        EXPECT_EQ(after.tiers[tier].read_latency.count() - before.tiers[tier].read_latency.count(), 1U);
        EXPECT_EQ(after.tiers[tier].write_latency.count() - before.tiers[tier].write_latency.count(), 1U);
    }
    const auto other = made(three());
    EXPECT_FALSE(other.get("warm up"));
    ASSERT_EQ(raw("CONFIG RESETSTAT"), "+OK");
    const auto found = other.get_many(hundred);
    for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_TRUE(found[i]);
        EXPECT_EQ(*found[i], value_of(hundred[i]));
        EXPECT_EQ(found[i].source(), from_tier(0));
    }
    EXPECT_EQ(calls_of("mget"), 1);
}

TEST_F(ThreeTiers, what_redis_has_lost_of_a_batch_memcached_still_has_and_the_loader_loads_the_rest) {
    const auto writer = made(loading());
    const auto ten = keys(10);
    for (int i = 0; i < 8; ++i)
        ASSERT_TRUE(writer.put(ten[static_cast<std::size_t>(i)], "stored")->complete());
    RawRedis raw(redis.port());
    for (int i = 0; i < 4; ++i)
        ASSERT_EQ(raw("DEL \"texts:key " + std::to_string(i) + "\""), ":1");
    const auto cache = made(loading());
    const auto found = cache.get_or_load_many(ten);
    for (std::size_t i = 0; i < ten.size(); ++i) {
        ASSERT_TRUE(found[i]);
        EXPECT_EQ(found[i]->source(), i < 4 ? from_tier(1) : i < 8 ? from_tier(0) : from_loader) << i;
    }
    EXPECT_EQ(loads, 2);
}

TEST_F(ThreeTiers, that_the_source_has_no_such_thing_is_known_to_other_processes_for_a_while) {
    auto options = three();
    options.loader = [this](const std::string&) -> std::optional<std::string> {
        ++loads;
        return std::nullopt;
    };
    const auto cache = made(options);
    const auto absent = cache.get_or_load("key");
    ASSERT_TRUE(absent);
    EXPECT_FALSE(*absent);
    EXPECT_TRUE(absent->known_absent());
    ASSERT_TRUE(filled(cache, 0, 1));
    const auto other = made(options);
    EXPECT_TRUE(other.get_or_load("key", only_redis)->known_absent());
    EXPECT_EQ(loads, 1);
    const auto left = std::stoll(RawRedis(redis.port())("PTTL texts:key").substr(1));
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 5'000);
}

TEST_F(ThreeTiers, a_flushed_redis_costs_nothing_but_the_way_to_memcached) {
    const auto cache = made(loading());
    const auto hundred = keys(100);
    for (const auto& each : cache.get_or_load_many(hundred))
        ASSERT_TRUE(each);
    ASSERT_TRUE(filled(cache, 0, 100) && filled(cache, 1, 100));
    ASSERT_EQ(RawRedis(redis.port())("FLUSHALL"), "+OK");
    for (const auto& each : cache.get_many(hundred, {.skip = Skip::memory()})) {
        ASSERT_TRUE(each);
        EXPECT_EQ(each.source(), from_tier(1));
    }
    ASSERT_TRUE(filled(cache, 0, 200));
    EXPECT_EQ(cache.get(hundred[0], only_redis).source(), from_tier(0));
    EXPECT_EQ(loads, 100);
}

TEST_F(ThreeTiers, a_redis_without_memory_left_is_reported_and_does_not_hurt) {
    const auto cache = made(loading());
    ASSERT_TRUE(cache.put("key", "old")->complete());
    RawRedis raw(redis.port());
    ASSERT_EQ(raw("CONFIG SET maxmemory 1"), "+OK");
    const auto report = cache.put("key", "new");
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->complete());
    EXPECT_EQ(report->tiers[0].kind, TierOutcome::Kind::queued);
    ASSERT_TRUE(report->tiers[0].error);
    EXPECT_EQ(*report->tiers[0].error, Errc::out_of_memory);
    EXPECT_THAT(report->tiers[0].error->message(), HasSubstr("maxmemory"));
    EXPECT_EQ(report->tiers[1].kind, TierOutcome::Kind::done);
    EXPECT_EQ(errors(cache.stats().tiers[0], Errc::out_of_memory), 1U);
    const auto strict = cache.put("key", "new", {.strictness = Strictness::strict});
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error(), Errc::out_of_memory);

    const auto found = cache.get("key", {.skip = Skip::memory()});
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, "new") << "redis still has the older value, which must not be served";
    EXPECT_TRUE(cache.get_or_load("another"));
    ASSERT_EQ(raw("CONFIG SET maxmemory 0"), "+OK");
    // The fill of Redis behind the lookups above may still be under way: overtaken by this put, it takes itself out.
    EXPECT_TRUE(wait_until([&] {
        EXPECT_TRUE(cache.put("key", "newest")->complete());
        const auto kept = cache.get("key", only_redis);
        return kept && *kept == "newest";
    }));
}

TEST_F(ThreeTiers, a_process_that_starts_cold_is_primed_from_redis_without_the_loader) {
    const auto hundred = keys(300);
    {
        const auto before = made(loading());
        for (const auto& each : before.get_or_load_many(hundred))
            ASSERT_TRUE(each);
        ASSERT_TRUE(filled(before, 0, 300));
    }
    loads = 0;
    const auto cache = made(loading());
    const auto report = cache.prime_from("redis", {.batch = 50});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->end, PrimeReport::End::completed);
    EXPECT_EQ(report->counts.from_tiers, 300U);
    EXPECT_EQ(report->counts.failed, 0U);
    EXPECT_EQ(loads, 0);
    for (const auto& key : hundred) {
        const auto found = cache.get(key);
        ASSERT_TRUE(found) << key;
        EXPECT_EQ(found.source(), from_memory);
        EXPECT_EQ(*found, value_of(key));
    }
}

TEST_F(ThreeTiers, priming_from_memcached_says_that_it_cannot_list_its_keys) {
    const auto report = made(loading()).prime_from("memcached");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), Errc::unsupported);
    EXPECT_THAT(report.error().message(), HasSubstr("prime from a list of keys instead"));
}

TEST_F(ThreeTiers, priming_from_a_list_loads_only_what_no_tier_has) {
    const auto ten = keys(10);
    {
        const auto before = made(loading());
        for (int i = 0; i < 4; ++i)
            ASSERT_TRUE(before.put(ten[static_cast<std::size_t>(i)], "stored")->complete());
    }
    const auto cache = made(loading());
    const auto report = cache.prime(ten);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->counts.from_tiers, 4U);
    EXPECT_EQ(report->counts.loaded, 6U);
    EXPECT_EQ(loads, 6);
    const auto again = cache.prime(ten);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->counts.fresh, 10U);
    EXPECT_EQ(loads, 6);
}

TEST_F(ThreeTiers, caches_of_other_names_and_of_other_types_do_not_see_each_others_values) {
    const auto cache = made(three());
    ASSERT_TRUE(cache.put("key", "text"));
    auto renamed = three();
    renamed.name = "others";
    EXPECT_FALSE(made(std::move(renamed)).get("key"));

    Cache<std::string, std::int64_t>::Options numbers;
    numbers.name = "texts";
    numbers.tiers = both();
    const auto misread = made(std::move(numbers));
    EXPECT_FALSE(misread.get("key"));
    for (const auto& tier : misread.stats().tiers)
        EXPECT_EQ(tier.defects.size(), 1U) << tier.name;
}

TEST_F(ThreeTiers, what_somebody_else_put_under_our_key_is_a_counted_miss) {
    RawRedis raw(redis.port());
    ASSERT_EQ(raw("RPUSH texts:list a b"), ":2");
    ASSERT_EQ(raw("SET texts:foreign hello"), "+OK");
    const auto cache = made(loading());
    const std::vector<std::string> wanted{"list", "foreign", "fine"};
    for (const auto& each : cache.get_or_load_many(wanted)) {
        ASSERT_TRUE(each);
        EXPECT_EQ(each->source(), from_loader);
    }
    EXPECT_GE(cache.stats().tiers[0].error_count() + cache.stats().tiers[0].defects.size(), 1U);
    ASSERT_TRUE(filled(cache, 0, 2)); // the place of the foreign value is left alone
    // A put heals it.
    for (const auto& key : wanted)
        EXPECT_TRUE(cache.put(key, "ours")->complete()) << key;
    for (const auto& key : wanted)
        EXPECT_EQ(*cache.get(key, only_redis), "ours");
}

TEST_F(ThreeTiers, keys_of_every_kind_of_byte_and_length_find_their_own_values) {
    std::vector<std::string> odd{
        "",        " ",   "a b",   "line\r\nget x",       std::string("\0zero", 5), "\xff\xfe",
        "ünïcode", "%41", "#hash", std::string(250, 'k'), std::string(251, 'k'),    std::string(5000, 'k')};
    for (int c = 0; c < 256; ++c)
        odd.push_back("c" + std::string(1, static_cast<char>(c)));
    const auto writer = made(three());
    std::vector<std::pair<std::string, std::string>> items;
    for (const auto& key : odd)
        items.emplace_back(key, "of " + key);
    for (const auto& report : writer.put_many(items))
        EXPECT_TRUE(report && report->complete());
    const auto reader = made(three());
    for (const auto& where : {only_redis, only_memcached}) {
        const auto found = reader.get_many(odd, where);
        for (std::size_t i = 0; i < odd.size(); ++i) {
            ASSERT_TRUE(found[i]) << ::testing::PrintToString(odd[i]);
            EXPECT_EQ(*found[i], "of " + odd[i]);
        }
    }
}

} // namespace
} // namespace tiercel::test
