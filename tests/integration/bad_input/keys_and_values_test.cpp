#include "integration/cache/texts.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <limits>

namespace tiercel::test {
namespace {

using std::chrono::nanoseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr nanoseconds hundred_years = std::chrono::hours(24) * 36'525;
constexpr std::size_t megabyte = std::size_t{1} << 20;

class BadKey : public TwoServers {};
class BadValue : public TwoServers {};
class BadTtl : public TwoServers {
protected:
    /// Fills of tiers end after the caller has its answer.
    static bool filled(const Texts& cache, std::uint64_t puts) {
        return wait_until([&] {
            const auto stats = cache.stats();
            return stats.tiers[0].puts == puts && stats.tiers[1].puts == puts;
        });
    }
};

// Keys -------------------------------------------------------------------------------------------------------------

TEST_F(BadKey, an_empty_key_is_a_key_like_any_other) {
    const auto writer = made(texts(both()));
    const auto report = writer.put("", "of the empty key");
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(report->complete());
    EXPECT_EQ(*writer.get(""), "of the empty key");

    const auto reader = made(texts(both()));
    auto found = reader.get("", {.skip = Skip::memory() | Skip::tier(1)});
    ASSERT_TRUE(found);
    EXPECT_EQ(found.source(), from_tier(0));
    found = reader.get("", {.skip = Skip::memory() | Skip::tier(0)});
    ASSERT_TRUE(found);
    EXPECT_EQ(found.source(), from_tier(1));
    EXPECT_EQ(*found, "of the empty key");
}

TEST_F(BadKey, clearing_does_not_take_the_empty_key_for_its_marker) {
    const auto cache = made(texts(both()));
    ASSERT_TRUE(cache.put("", "old"));
    ASSERT_TRUE(cache.clear());
    EXPECT_FALSE(cache.get(""));
    ASSERT_TRUE(cache.put("", "new"));
    const auto found = cache.get("", {.skip = Skip::memory()});
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, "new");
}

TEST_F(BadKey, a_key_over_the_limit_is_an_error_that_names_the_limit_and_loads_nothing) {
    std::atomic<int> loads{0};
    auto options = texts(both());
    options.loader = [&](const std::string&) {
        ++loads;
        return std::string("loaded");
    };
    const auto cache = made(std::move(options));
    const std::string key(10 * megabyte, 'k');
    const auto looked_for = cache.try_get(key);
    ASSERT_FALSE(looked_for);
    EXPECT_EQ(looked_for.error(), Errc::invalid_key);
    EXPECT_THAT(looked_for.error().message(),
                AllOf(HasSubstr("10485760 bytes"), HasSubstr("CacheOptions::max_key_bytes"), HasSubstr("raise it")));

    const std::vector<std::string> keys{"short", key, "other"};
    const auto loaded = cache.get_or_load_many(keys);
    EXPECT_TRUE(loaded[0]);
    ASSERT_FALSE(loaded[1]);
    EXPECT_EQ(loaded[1].error(), Errc::invalid_key);
    EXPECT_TRUE(loaded[2]) << "a key beside it lost its load";
    EXPECT_EQ(loads, 2);
}

TEST_F(BadKey, a_put_of_a_key_over_the_limit_is_refused_before_the_source_has_it) {
    std::atomic<int> writes{0};
    auto options = texts(both());
    options.writer = [&](const std::string&, const std::string&) { ++writes; };
    const auto cache = made(std::move(options));
    const std::string key(10 * megabyte, 'k');
    const auto report = cache.put(key, "value");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), Errc::invalid_key);
    EXPECT_THAT(report.error().message(), HasSubstr("shorten the key"));
    EXPECT_EQ(writes, 0);
    EXPECT_FALSE(cache.get(key));

    const auto both_puts = cache.put_many({{"short", "value"}, {key, "value"}});
    EXPECT_TRUE(both_puts[0]) << "a key beside it lost its write";
    EXPECT_FALSE(both_puts[1]);
    EXPECT_EQ(writes, 1);
}

TEST_F(BadKey, a_key_of_ten_megabytes_works_at_every_tier_once_the_limit_allows_it) {
    auto options = texts(both());
    options.max_key_bytes = 16 * megabyte;
    const auto cache = made(std::move(options));
    const std::string key(10 * megabyte, 'k');
    const std::string neighbour = key.substr(1) + 'x';
    for (const auto* each : {&key, &neighbour}) {
        const auto report = cache.put(*each, each == &key ? "its value" : "another's");
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->complete());
    }
    for (const std::uint8_t tier : {std::uint8_t{0}, std::uint8_t{1}}) {
        const auto found = cache.get(key, {.skip = Skip::memory() | Skip::tier(1U - tier)});
        ASSERT_TRUE(found) << "tier " << int{tier};
        EXPECT_EQ(*found, "its value");
    }
}

// Values -----------------------------------------------------------------------------------------------------------

TEST_F(BadValue, half_a_gigabyte_stays_in_memory_and_is_skipped_by_the_tiers_and_leaves_no_older_value_there) {
    const auto cache = made(texts(both()));
    ASSERT_TRUE(cache.put("key", "older"));
    std::string value(512 * megabyte, 'v');
    value.back() = 'e';
    const auto report = cache.put("key", std::move(value));
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(report->in_memory);
    ASSERT_EQ(report->tiers.size(), 2U);
    for (const auto& tier : report->tiers) {
        EXPECT_EQ(tier.kind, TierOutcome::Kind::too_large);
        ASSERT_TRUE(tier.error);
        EXPECT_THAT(tier.error->message(), AllOf(HasSubstr("536870912"), HasSubstr("limit")));
    }
    const auto found = cache.get("key");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 512 * megabyte);
    EXPECT_EQ(found->back(), 'e');
    for (const auto& tier : cache.stats().tiers)
        EXPECT_EQ(tier.too_large, 1U);
    EXPECT_FALSE(made(texts(both())).get("key")) << "a value older than the large one is served";
}

TEST_F(BadValue, half_a_gigabyte_from_the_loader_reaches_who_asked) {
    auto options = texts({redis_tier(redis.url())});
    options.loader = [](const std::string&) { return std::string(512 * megabyte, 'v'); };
    const auto cache = made(std::move(options));
    const auto found = cache.get_or_load("key");
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ((*found)->size(), 512 * megabyte);
    EXPECT_EQ(cache.get("key").source(), from_memory);
}

TEST_F(BadValue, what_outweighs_memory_is_not_held_and_what_outsizes_memcached_stays_in_redis) {
    auto options = texts(both());
    options.memory.max_weight = megabyte;
    options.memory.weigher = [](const std::string&, const std::string& value) { return value.size(); };
    const auto cache = made(std::move(options));
    const auto report = cache.put("key", std::string(2 * megabyte, 'v'));
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->in_memory);
    EXPECT_EQ(report->tiers.at(0).kind, TierOutcome::Kind::done);
    EXPECT_EQ(report->tiers.at(1).kind, TierOutcome::Kind::too_large);
    EXPECT_EQ(cache.stats().memory.too_heavy, 1U);
    const auto found = cache.get("key");
    ASSERT_TRUE(found);
    EXPECT_EQ(found.source(), from_tier(0));
    EXPECT_EQ(found->size(), 2 * megabyte);
}

TEST_F(BadValue, a_strict_put_of_what_is_too_large_fails_and_says_where) {
    const auto cache = made(texts(both()));
    const auto put = cache.put("key", std::string(2 * megabyte, 'v'), {.strictness = Strictness::strict});
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error(), Errc::value_too_large);
    EXPECT_THAT(put.error().message(), HasSubstr("tier 'memcached'"));
}

// TTLs -------------------------------------------------------------------------------------------------------------

TEST_F(BadTtl, zero_negative_and_endless_lives_are_refused_at_creation_by_the_name_of_their_field) {
    for (const nanoseconds life : {nanoseconds(0), nanoseconds(-1s), hundred_years + 1ns, nanoseconds::max()}) {
        const std::string what = life <= 0ns ? "must be positive" : "over 100 years";
        auto options = texts(both());
        options.expiry.ttl = life;
        EXPECT_THAT(refusal(options).message(), AllOf(HasSubstr("CacheOptions::expiry.ttl"), HasSubstr(what)));
        options.expiry.ttl.reset();
        options.expiry.max_idle = life;
        EXPECT_THAT(refusal(options).message(), AllOf(HasSubstr("CacheOptions::expiry.max_idle"), HasSubstr(what)));
        options.expiry.max_idle.reset();
        options.memory.max_ttl = life;
        EXPECT_THAT(refusal(options).message(), AllOf(HasSubstr("CacheOptions::memory.max_ttl"), HasSubstr(what)));
        options.memory.max_ttl.reset();
        options.tiers[1].max_ttl = life;
        const auto error = refusal(options);
        EXPECT_THAT(error.message(), AllOf(HasSubstr("CacheOptions::tiers[1].max_ttl"), HasSubstr(what)));
        EXPECT_EQ(error, Errc::invalid_option);
    }
    auto options = texts(both());
    options.expiry.negative_ttl = -1s;
    EXPECT_THAT(refusal(options).message(), HasSubstr("expiry.negative_ttl must not be negative"));
    options.expiry.negative_ttl = nanoseconds::max();
    EXPECT_THAT(refusal(options).message(), HasSubstr("expiry.negative_ttl is over 100 years"));
}

TEST_F(BadTtl, a_call_with_such_a_life_is_refused_before_anything_is_loaded_or_written) {
    std::atomic<int> source_calls{0};
    auto options = texts(both());
    options.loader = [&](const std::string&) {
        ++source_calls;
        return std::string("loaded");
    };
    options.writer = [&](const std::string&, const std::string&) { ++source_calls; };
    const auto cache = made(std::move(options));
    for (const nanoseconds life : {nanoseconds(0), nanoseconds(-1s), hundred_years + 1ns, nanoseconds::max()}) {
        const std::string what = life <= 0ns ? "must be positive" : "over 100 years";
        const auto put = cache.put("key", "value", {.ttl = life});
        ASSERT_FALSE(put);
        EXPECT_EQ(put.error(), Errc::invalid_option);
        EXPECT_THAT(put.error().message(), AllOf(HasSubstr("CallOptions::ttl"), HasSubstr(what)));
        const auto loaded = cache.get_or_load("key", {.ttl = life});
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error(), Errc::invalid_option);
    }
    EXPECT_EQ(source_calls, 0);
    EXPECT_FALSE(cache.get("key"));
}

TEST_F(BadTtl, a_call_with_no_time_at_all_is_refused) {
    const auto cache = made(texts(both()));
    for (const nanoseconds timeout : {nanoseconds(0), nanoseconds(-1s)}) {
        const auto found = cache.try_get("key", {.timeout = timeout});
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error(), Errc::invalid_option);
        EXPECT_THAT(found.error().message(), HasSubstr("CallOptions::timeout must be positive"));
        EXPECT_FALSE(cache.put("key", "value", {.timeout = timeout}));
        EXPECT_FALSE(cache.invalidate("key", {.timeout = timeout}));
        EXPECT_FALSE(cache.clear({.timeout = timeout}));
    }
}

TEST_F(BadTtl, a_loader_that_gives_a_value_no_life_gives_it_to_who_asked_and_to_no_cache) {
    auto options = texts(both());
    options.expiry.ttl = 1h;
    const auto cache = made(std::move(options));
    for (const nanoseconds life : {nanoseconds(0), nanoseconds(-1s), nanoseconds::min()}) {
        for (int time = 0; time < 2; ++time) {
            const auto loaded = cache.get_or_load("key", [&](const std::string&) {
                return Loaded<std::string>{"short", life};
            });
            ASSERT_TRUE(loaded);
            EXPECT_EQ(loaded->source(), from_loader);
            EXPECT_EQ(**loaded, "short");
        }
    }
    EXPECT_FALSE(cache.get("key"));
}

TEST_F(BadTtl, a_life_of_100_years_holds_at_every_tier) {
    auto options = texts(both());
    options.expiry.ttl = hundred_years;
    options.tiers[0].max_ttl = hundred_years;
    const auto cache = made(std::move(options));
    EXPECT_TRUE(cache.put("put", "value")->complete());
    EXPECT_TRUE(cache.put("put for as long", "value", {.ttl = hundred_years})->complete());
    ASSERT_TRUE(cache.get_or_load("loaded", [](const std::string&) {
        return Loaded<std::string>{"value", hundred_years};
    }));
    ASSERT_TRUE(filled(cache, 3));
    for (const std::string key : {"put", "put for as long", "loaded"}) {
        EXPECT_EQ(cache.get(key).source(), from_memory);
        EXPECT_EQ(cache.get(key, {.skip = Skip::memory()}).source(), from_tier(0)) << key;
        EXPECT_EQ(cache.get(key, {.skip = Skip::memory() | Skip::tier(0)}).source(), from_tier(1)) << key;
    }
}

TEST_F(BadTtl, a_loader_that_means_for_ever_gets_100_years) {
    const auto cache = made(texts(both()));
    ASSERT_TRUE(cache.get_or_load("key", [](const std::string&) {
        return Loaded<std::string>{"value", nanoseconds::max()};
    }));
    ASSERT_TRUE(cache.get_or_load("absent", [](const std::string&) {
        return Loaded<std::string>{std::nullopt, nanoseconds::max()};
    }));
    EXPECT_EQ(cache.get("key").source(), from_memory);
    EXPECT_TRUE(cache.get("absent").known_absent());
    ASSERT_TRUE(filled(cache, 2));
    for (const std::uint8_t tier : {std::uint8_t{0}, std::uint8_t{1}}) {
        const auto skip = Skip::memory() | Skip::tier(1U - tier);
        EXPECT_EQ(cache.get("key", {.skip = skip}).source(), from_tier(tier));
        EXPECT_TRUE(cache.get("absent", {.skip = skip}).known_absent());
    }
}

} // namespace
} // namespace tiercel::test
