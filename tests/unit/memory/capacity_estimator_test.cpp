#include "memory/access_tap.hpp"
#include "support/effort.hpp"
#include "test_entry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace tiercel::memory::test {
namespace {

using namespace std::chrono_literals;

/// Under a sanitizer everything is an eighth as large, and the estimates as much rougher: one thread, nothing to race.
constexpr std::uint64_t part = tiercel::test::is_sanitized ? 8 : 1;
constexpr std::uint64_t capacity = 16'384 / part;
constexpr double points = tiercel::test::is_sanitized ? 0.03 : 0.01;

/// Key r with a probability in proportion to r^-skew.
std::vector<std::uint64_t> zipf(std::size_t requests, std::size_t keys, double skew, std::uint64_t seed) {
    requests /= part;
    keys /= part;
    std::vector<double> up_to(keys);
    double sum = 0;
    for (std::size_t i = 0; i < keys; ++i)
        up_to[i] = sum += std::pow(static_cast<double>(i + 1), -skew);
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> drawn(requests);
    for (auto& key : drawn) {
        const double at = static_cast<double>(random() >> 11) * 0x1p-53 * sum;
        key = static_cast<std::uint64_t>(std::upper_bound(up_to.begin(), up_to.end(), at) - up_to.begin());
    }
    return drawn;
}

std::vector<std::uint64_t> loop(std::size_t requests, std::size_t keys) {
    std::vector<std::uint64_t> all(requests / part);
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = i % keys;
    return all;
}

using Weigh = std::uint64_t (*)(std::uint64_t key);
std::uint64_t one(std::uint64_t) {
    return 1;
}
std::uint64_t bytes_of(std::uint64_t key) {
    return 100 + hash_of(key) % 4000;
}

/// Asks for each key, and puts it if it is not there; hits of the second half.
double run(StoreFixture& cache, const std::vector<std::uint64_t>& requests, Weigh weigh = one) {
    std::uint64_t hits = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const bool hit = cache.find(requests[i]);
        if (hit && i >= requests.size() / 2) ++hits;
        if (!hit) cache.insert({.key = requests[i], .weight = weigh(requests[i])});
        cache.departures.clear();
    }
    return static_cast<double>(hits) / static_cast<double>(requests.size() / 2);
}

struct Case {
    Eviction eviction;
    std::vector<std::uint64_t> requests;
    std::uint64_t max_entries = capacity;
    std::uint64_t max_weight = 0;
    Weigh weigh = one;
    double tolerance = 3 * points;
};

double simulated(const Case& of, double factor) {
    const auto scaled = [&](std::uint64_t bound) {
        return static_cast<std::uint64_t>(factor * static_cast<double>(bound));
    };
    StoreFixture cache(
        {.max_entries = scaled(of.max_entries), .max_weight = scaled(of.max_weight), .eviction = of.eviction});
    return run(cache, of.requests, of.weigh);
}

void expect_estimates_as_simulated(const Case& of) {
    StoreFixture cache({.max_entries = of.max_entries,
                        .max_weight = of.max_weight,
                        .eviction = of.eviction,
                        .estimate_capacities = true});
    if (of.max_weight != 0) { // a first look at what entries weigh
        run(cache, of.requests, of.weigh);
        (void)cache.store.stats();
        run(cache, of.requests, of.weigh);
    }
    run(cache, of.requests, of.weigh);
    const auto estimates = cache.store.stats().estimates;
    ASSERT_TRUE(estimates);
    EXPECT_NEAR(estimates->hit_ratio_now, simulated(of, 1), of.tolerance);
    EXPECT_NEAR(estimates->hit_ratio_half, simulated(of, 0.5), of.tolerance);
    EXPECT_NEAR(estimates->hit_ratio_twice, simulated(of, 2), of.tolerance);
    EXPECT_NEAR(estimates->hit_ratio_four_times, simulated(of, 4), of.tolerance);
}

TEST(CapacityEstimator, tells_what_other_capacities_would_hit_of_a_zipf_distribution) {
    expect_estimates_as_simulated({eviction::lru(), zipf(1'000'000, 200'000, 0.9, 1)});
}

TEST(CapacityEstimator, tells_it_of_the_policy_in_use) {
    expect_estimates_as_simulated({eviction::s3_fifo(), zipf(2'000'000, 200'000, 0.8, 2)});
    expect_estimates_as_simulated({eviction::sieve(), zipf(2'000'000, 200'000, 0.8, 3)});
}

TEST(CapacityEstimator, sees_that_twice_the_capacity_would_hold_a_loop) {
    expect_estimates_as_simulated({eviction::lru(), loop(1'000'000, capacity * 3 / 2)});
}

TEST(CapacityEstimator, sees_that_half_the_capacity_would_not_hold_a_loop) {
    expect_estimates_as_simulated(
        {.eviction = eviction::lru(), .requests = loop(1'000'000, capacity * 3 / 4), .tolerance = 10 * points});
}

TEST(CapacityEstimator, is_right_for_a_capacity_in_bytes) {
    expect_estimates_as_simulated({.eviction = eviction::lru(),
                                   .requests = zipf(1'000'000, 200'000, 0.9, 4),
                                   .max_entries = 0,
                                   .max_weight = capacity * 2048,
                                   .weigh = bytes_of});
}

TEST(CapacityEstimator, follows_the_present) {
    StoreFixture cache({.max_entries = capacity, .estimate_capacities = true});
    run(cache, loop(1'000'000, capacity * 3)); // four times the capacity holds it
    EXPECT_GT(cache.store.stats().estimates->hit_ratio_four_times, 0.9);
    std::vector<std::uint64_t> scan(4'000'000 / part);
    for (std::size_t i = 0; i < scan.size(); ++i)
        scan[i] = 1'000'000 + i;
    run(cache, scan); // no capacity does
    EXPECT_LT(cache.store.stats().estimates->hit_ratio_four_times, 0.1);
}

TEST(CapacityEstimator, follows_bounds_and_policies_that_change) {
    StoreFixture cache({.max_entries = capacity / 2, .estimate_capacities = true});
    cache.store.set_bounds(capacity, 0);
    cache.store.set_eviction(eviction::fifo());
    const auto requests = zipf(1'000'000, 200'000, 0.9, 5);
    run(cache, requests);
    const Case same{eviction::fifo(), requests};
    const auto estimates = cache.store.stats().estimates;
    ASSERT_TRUE(estimates);
    EXPECT_NEAR(estimates->hit_ratio_half, simulated(same, 0.5), 3 * points);
    EXPECT_NEAR(estimates->hit_ratio_twice, simulated(same, 2), 3 * points);
}

TEST(CapacityEstimator, does_not_take_expired_and_erased_values_for_hits_of_a_larger_capacity) {
    StoreFixture cache({.max_entries = 4'096, .shards = 1, .estimate_capacities = true});
    for (int round = 0; round < 30; ++round) {
        for (std::uint64_t key = 0; key < 2'000; ++key) {
            if (!cache.find(key)) cache.insert({.key = key, .expires = key % 2 == 0 ? cache.in(1s) : never});
        }
        for (std::uint64_t key = 1; key < 2'000; key += 2)
            cache.erase(key);
        cache.clock.advance(2s);
        cache.departures.clear();
    }
    const auto estimates = cache.store.stats().estimates;
    ASSERT_TRUE(estimates);
    EXPECT_EQ(estimates->hit_ratio_now, 0);
    EXPECT_LT(estimates->hit_ratio_four_times, 0.01);
}

TEST(CapacityEstimator, says_nothing_unless_asked_and_until_it_has_seen_something) {
    StoreFixture silent({.max_entries = 1'000});
    run(silent, loop(100'000, 2'000));
    EXPECT_FALSE(silent.store.stats().estimates);
    StoreFixture fresh({.max_entries = 1'000, .estimate_capacities = true});
    EXPECT_FALSE(fresh.store.stats().estimates);
}

TEST(SampleOfKeys, is_of_the_part_asked_for) {
    EXPECT_EQ(sample_below(0), 0u);
    EXPECT_EQ(sample_below(1e-12), 1u);
    EXPECT_TRUE(is_sampled(~std::uint64_t{0}, sample_below(1)));
    EXPECT_FALSE(is_sampled(0, 0));
    std::uint64_t sampled = 0;
    for (std::uint64_t key = 0; key < 1'000'000; ++key)
        sampled += is_sampled(hash_of(key), sample_below(0.01)) ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(sampled), 10'000, 500);
}

} // namespace
} // namespace tiercel::memory::test
