#include <tiercel/stats.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>

namespace tiercel {
namespace {

using namespace std::chrono_literals;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

CacheStats stats_of_a_busy_cache() {
    CacheStats stats;
    stats.name = "users";
    stats.memory.hits = 1'234'567;
    stats.memory.misses = 1'000;
    stats.memory.entries = 500;
    stats.memory.hit_latency.buckets[LatencyHistogram::bucket_of(100ns)] = 10;
    TierStats tier;
    tier.name = "redis";
    tier.hits = 900;
    tier.misses = 100;
    tier.puts = 100;
    tier.raw_bytes_out = 200 * 1024;
    tier.bytes_out = 50 * 1024;
    stats.tiers.push_back(tier);
    stats.source.loads = 100;
    stats.source.loader_calls = 7;
    return stats;
}

TEST(StatsTable, tells_loader_calls_beside_lookups) {
    EXPECT_THAT(to_table(stats_of_a_busy_cache()),
                HasSubstr("cache 'users': 1,235,567 lookups, 7 calls of the loader for 100 keys"));
}

TEST(StatsTable, has_hits_misses_and_ratio_of_each_tier) {
    const auto table = to_table(stats_of_a_busy_cache());
    EXPECT_THAT(table, ContainsRegex("memory +1,234,567 +1,000 +99.9 %"));
    EXPECT_THAT(table, ContainsRegex("redis +900 +100 +90.0 %"));
}

TEST(StatsTable, has_bytes_before_and_after_compression) {
    EXPECT_THAT(to_table(stats_of_a_busy_cache()), ContainsRegex("redis +100 +200.0 KiB +50.0 KiB +25.0 %"));
}

TEST(StatsTable, has_values_in_chunks_of_the_tiers_that_have_some) {
    auto stats = stats_of_a_busy_cache();
    EXPECT_THAT(to_table(stats), Not(HasSubstr("in chunks")));
    stats.tiers[0].split_puts = 1'200;
    stats.tiers[0].split_reads = 34;
    stats.tiers[0].split_incomplete = 5;
    EXPECT_THAT(to_table(stats), HasSubstr("in chunks: redis stored 1,200, read 34, missed incomplete 5\n"));
}

TEST(StatsTable, has_what_was_served_stale) {
    auto stats = stats_of_a_busy_cache();
    EXPECT_THAT(to_table(stats), Not(HasSubstr("stale")));
    stats.stale[static_cast<std::size_t>(StaleReason::revalidating)] = 1'200;
    stats.stale[static_cast<std::size_t>(StaleReason::load_failed)] = 34;
    EXPECT_THAT(to_table(stats), HasSubstr("served stale 1,234: revalidating 1,200, load failed 34, slow 0, to retry "
                                           "later 0, not to load 0\n"));
}

TEST(StatsTable, has_what_other_capacities_would_hit) {
    auto stats = stats_of_a_busy_cache();
    EXPECT_THAT(to_table(stats), Not(HasSubstr("half")));
    stats.memory.estimates = {0.8125, 0.7, 0.9, 1.0};
    EXPECT_THAT(to_table(stats), HasSubstr("hits 81.2 % lately; with half of it it would 70.0 %, twice 90.0 %, four "
                                           "times 100.0 %"));
}

TEST(StatsTable, has_what_was_recorded) {
    auto stats = stats_of_a_busy_cache();
    stats.recording = {.written = 12'345, .bytes = 2048, .dropped = 6, .too_late = 7, .failed = true};
    EXPECT_THAT(to_table(stats), HasSubstr("recorded 12,345 accesses in 2.0 KiB; 6 dropped, 7 late (writing failed)"));
}

TEST(StatsTable, a_ratio_short_of_all_is_not_rounded_to_all) {
    auto stats = stats_of_a_busy_cache();
    stats.memory.hits = 99'999;
    stats.memory.misses = 1;
    EXPECT_THAT(to_table(stats), Not(HasSubstr("100.0 %")));
}

TEST(StatsTable, of_an_unused_cache_has_no_figures_that_were_not_measured) {
    const auto table = to_table(CacheStats());
    EXPECT_THAT(table, ContainsRegex("memory +0 +0 +- "));
    EXPECT_THAT(table, Not(HasSubstr("nan")));
}

TEST(StatsTable, fits_into_100_columns_whatever_the_counts) {
    auto stats = stats_of_a_busy_cache();
    const auto many = ~std::uint64_t{0} / 2000;
    stats.memory.hits = stats.memory.misses = stats.memory.entries = many;
    stats.memory.hit_latency.buckets.back() = many;
    stats.tiers[0].name = "a tier with a very long name";
    stats.tiers[0].hits = stats.tiers[0].misses = stats.tiers[0].puts = many / 1'000'000;
    stats.tiers[0].errors[0] = 99'999'999;
    stats.tiers[0].split_puts = stats.tiers[0].split_reads = stats.tiers[0].split_incomplete = many;
    stats.tiers[0].bytes_out = stats.tiers[0].raw_bytes_out = std::uint64_t{1} << 45;
    stats.memory.estimates = {1, 1, 1, 1};
    stats.recording = {.written = many, .bytes = many, .dropped = many, .too_late = many, .failed = true};
    std::istringstream lines(to_table(stats));
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(line.size(), 100u) << line;
}

} // namespace
} // namespace tiercel
