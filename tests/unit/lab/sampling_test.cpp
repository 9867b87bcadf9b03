#include "lab/sampling.hpp"

#include "lab/simulation.hpp"
#include "made_traces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tiercel::lab::test {
namespace {

TEST(Sampling, at_rate_one_is_the_trace_itself) {
    const Trace trace = random_trace(1, 1'000, 50);
    const SampledTrace sample(trace);
    EXPECT_EQ(sample.sequence().keys.data(), trace.keys.data());
    EXPECT_EQ(sample.scaled(7), 7u);
    std::vector<bool> hits(1'000);
    std::fill_n(hits.begin(), 250, true);
    EXPECT_DOUBLE_EQ(sample.hit_ratio(hits), 0.25);
}

TEST(Sampling, takes_all_requests_of_a_key_or_none) {
    const Trace trace = random_trace(2, 50'000, 5'000);
    const SampledTrace sample(PopularityOrder(trace), 0.1);
    const auto keys = sample.sequence().keys;
    const std::set<std::uint32_t> chosen(keys.begin(), keys.end());
    EXPECT_NEAR(static_cast<double>(chosen.size()), static_cast<double>(trace.unique_keys()) / 10, 2);
    std::size_t at = 0;
    for (const auto key : trace.keys)
        if (chosen.contains(key)) {
            ASSERT_EQ(keys[at++], key);
        }
    EXPECT_EQ(at, keys.size());
}

TEST(Sampling, keeps_sizes_with_their_requests) {
    Trace trace = random_trace(2, 5'000, 500);
    for (const auto key : trace.keys)
        trace.sizes.push_back(key + 1);
    const SampledTrace sample(PopularityOrder(trace), 0.3);
    ASSERT_EQ(sample.sequence().sizes.size(), sample.sequence().keys.size());
    for (std::size_t at = 0; at < sample.sequence().keys.size(); ++at)
        ASSERT_EQ(sample.sequence().sizes[at], sample.sequence().keys[at] + 1);
}

TEST(Sampling, lets_a_key_stand_for_its_neighbours) {
    // 4 keys, 2 to be chosen: one of the popular pair, which has 14 of 17 requests, and one of the other.
    const Trace trace = trace_of_words("a a a a a a a a b b b b b b c c d");
    const SampledTrace sample(PopularityOrder(trace), 0.5);
    const auto keys = sample.sequence().keys;
    std::vector<bool> hits(keys.size());
    for (std::size_t at = 0; at < keys.size(); ++at)
        hits[at] = trace.key_texts[keys[at]] < "c";
    EXPECT_NEAR(sample.hit_ratio(hits), 14.0 / 17, 1e-6);
    EXPECT_NEAR(sample.hit_ratio(std::vector<bool>(keys.size(), true)), 1, 1e-6);
    EXPECT_DOUBLE_EQ(sample.hit_ratio(std::vector<bool>(keys.size())), 0);
    EXPECT_EQ(sample.scaled(100), 50u);
    EXPECT_EQ(sample.scaled(1), 1u);
}

void expect_within_a_point(const Trace& trace) {
    SimulationOptions options{.policies = policies_named({"lru", "fifo", "lfu", "mru", "belady"}),
                              .capacities = {1'000, 15'000}};
    const auto exact = simulate(trace, options);
    options.sample = 0.1;
    const auto sampled = simulate(trace, options);
    for (std::size_t at = 0; at < exact.size(); ++at) {
        EXPECT_NEAR(sampled[at].hit_ratio, exact[at].hit_ratio, 0.01)
            << exact[at].policy << " at " << exact[at].capacity;
        EXPECT_EQ(sampled[at].capacity, exact[at].capacity);
    }
    EXPECT_EQ(sampled.back().policy, "belady");
    EXPECT_LT(sampled.back().requests, exact.back().requests / 7);
}

TEST(Sampling, of_a_tenth_of_zipf_is_within_a_point) {
    expect_within_a_point(generated_trace({.requests = 400'000, .keys = 40'000, .skew = 0.8}));
}

TEST(Sampling, of_a_tenth_of_a_mixed_trace_is_within_a_point) {
    expect_within_a_point(generated_trace({.pattern = Pattern::mixed, .requests = 400'000, .keys = 40'000}));
}

} // namespace
} // namespace tiercel::lab::test
