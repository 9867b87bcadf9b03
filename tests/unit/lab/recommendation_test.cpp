#include "lab/recommendation.hpp"

#include "made_traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tiercel::lab::test {
namespace {

using testing::HasSubstr;

Trace of_keys(std::uint64_t count) {
    return generated_trace({.pattern = Pattern::scan, .requests = count});
}

Findings plain_findings() {
    return {.choice = {"sieve", 100},
            .hit_ratio = 0.6,
            .runner_up = "lru",
            .runner_up_ratio = 0.58,
            .larger_size = 150,
            .larger_ratio = 0.65,
            .belady_ratio = 0.75};
}

TEST(Recommendation, is_three_sentences) {
    EXPECT_EQ(sentences(plain_findings(), of_keys(1'000)),
              "Choose sieve with 100 entries (10.0 % of the 1,000 keys): it hits 60.00 % of the 1,000 requests, 2.00 "
              "points more than lru, the next best. The next 50 % of memory (150 entries) would buy 5.00 points: "
              "65.00 %. The offline optimum (Belady), which knows the future, hits 75.00 % at this size: 15.00 points "
              "is all that any better policy could win.\n");
}

TEST(Recommendation, says_so_when_nothing_can_be_won) {
    Findings findings = plain_findings();
    findings.runner_up_ratio = 0.6;
    findings.larger_ratio = 0.6;
    findings.belady_ratio = 0.6;
    const std::string text = sentences(findings, of_keys(1'000));
    EXPECT_THAT(text, HasSubstr("requests, as lru does. "));
    EXPECT_THAT(text, HasSubstr("would buy nothing: 60.00 %."));
    EXPECT_THAT(text, HasSubstr("60.00 % at this size too, so no policy could do better."));
    findings.runner_up.clear();
    EXPECT_THAT(sentences(findings, of_keys(1'000)), HasSubstr("of the 1,000 requests. The next"));
}

TEST(Recommendation, does_not_call_belady_a_bound_when_weighed) {
    Trace trace = of_keys(2);
    trace.sizes = {500, 500};
    trace.unique_bytes = 1'000;
    const std::string text = sentences(plain_findings(), trace);
    EXPECT_THAT(text, HasSubstr("100 bytes (10.0 % of the bytes of all keys)"));
    EXPECT_THAT(text, HasSubstr("a mark and no bound."));
}

TEST(Recommendation, chooses_the_knee_of_the_best_curve) {
    const std::vector<std::uint64_t> sizes{10, 20, 50, 100};
    const auto choice = [&](std::vector<double> first, std::vector<double> second) {
        std::vector<Outcome> outcomes;
        for (std::size_t at = 0; at < sizes.size(); ++at) {
            outcomes.push_back({"first", sizes[at], first[at], 1, 1});
            outcomes.push_back({"second", sizes[at], second[at], 1, 1});
        }
        const PolicyAtSize chosen = choose(outcomes, sizes);
        return chosen.policy + " " + std::to_string(chosen.size);
    };
    EXPECT_EQ(choice({.3, .5, .7, .8}, {.0, .0, .0, .8}), "first 20");
    EXPECT_EQ(choice({.3, .5, .6, .8}, {.0, .0, .75, .8}), "second 50");
    EXPECT_EQ(choice({.1, .1, .1, .1}, {.0, .0, .0, .0}), "first 10");
    EXPECT_EQ(choice({.0, .0, .0, .9}, {.0, .0, .0, .9}), "first 100");    // a loop that fits only there
    EXPECT_EQ(choice({.09, .18, .45, .9}, {.0, .0, .0, .9}), "first 100"); // each entry is worth the same
}

TEST(Recommendation, tries_sizes_half_as_much_again_up_to_all_keys) {
    const auto sizes = half_again_sizes(of_keys(10'000));
    EXPECT_EQ(sizes.front(), 10u);
    EXPECT_EQ(sizes.back(), 10'000u);
    EXPECT_TRUE(std::ranges::is_sorted(sizes));
    EXPECT_EQ(half_again_sizes(of_keys(1)), std::vector<std::uint64_t>{1});
}

} // namespace
} // namespace tiercel::lab::test
