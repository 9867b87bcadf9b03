// How often the adaptive policy hits, beside the others, on workloads that each favour some of them.

#include "test_entry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string_view>

namespace tiercel::memory::test {
namespace {

constexpr std::uint64_t capacity = 1000;
constexpr std::size_t requests = 200'000;

using Trace = std::vector<std::uint64_t>;

/// Of n keys the k-th in proportion to k^-exponent.
class Zipf {
public:
    Zipf(std::uint64_t keys, double exponent) {
        std::vector<double> weights;
        for (std::uint64_t key = 1; key <= keys; ++key)
            weights.push_back(std::pow(static_cast<double>(key), -exponent));
        choice_ = std::discrete_distribution<std::uint64_t>(weights.begin(), weights.end());
    }
    std::uint64_t operator()(std::mt19937_64& random) { return choice_(random); }

private:
    std::discrete_distribution<std::uint64_t> choice_;
};

template <class Next>
Trace generate(Next next) {
    Trace trace(requests);
    std::mt19937_64 random{17};
    for (std::size_t step = 0; step < requests; ++step)
        trace[step] = next(step, random);
    return trace;
}

Trace zipf() {
    Zipf popular(10'000, 0.9);
    return generate([&](std::size_t, auto& random) { return popular(random); });
}

Trace loop() {
    return generate([](std::size_t step, auto&) { return step % (capacity * 5 / 4); });
}

/// After every 5,000 requests, a scan over 3,000 keys that are never asked for again.
Trace scans_in_zipf() {
    Zipf popular(10'000, 0.9);
    return generate(
        [&](std::size_t step, auto& random) { return step % 8'000 >= 5'000 ? 1'000'000 + step : popular(random); });
}

/// Every 20,000 requests other keys are popular.
Trace shifting_hot_spot() {
    Zipf popular(3'000, 0.7);
    return generate([&](std::size_t step, auto& random) { return step / 20'000 * 3'000 + popular(random); });
}

/// Keys are used for a while, and then no more.
Trace drifting() {
    return generate([](std::size_t step, auto& random) { return step / 8 + random() % (capacity * 6 / 5); });
}

double hit_ratio(std::string_view policy, const Trace& trace, std::uint32_t shards = 1) {
    StoreOptions options;
    options.max_entries = capacity;
    options.shards = shards;
    options.eviction = eviction::named(policy).value();
    StoreFixture fixture(options);
    for (const std::uint64_t key : trace)
        if (!fixture.find(key)) fixture.insert({.key = key});
    EXPECT_EQ(fixture.store.check_invariants(), "");
    return static_cast<double>(fixture.store.stats().hits) / static_cast<double>(trace.size());
}

struct Workload {
    std::string_view name;
    Trace (*make)();
    friend void PrintTo(const Workload& workload, std::ostream* out) { *out << workload.name; }
};

class HitRatio : public testing::TestWithParam<Workload> {};

TEST_P(HitRatio, of_adaptive_is_near_that_of_the_best_for_the_workload) {
    const Trace trace = GetParam().make();
    double best = 0;
    for (const std::string_view policy : {"lru", "s3_fifo", "arc", "lfu", "mru"})
        best = std::max(best, hit_ratio(policy, trace));
    EXPECT_GE(hit_ratio("adaptive", trace), best - 0.06);
    EXPECT_GE(hit_ratio("adaptive", trace, 8), best - 0.08) << "in eight shards, over which keys fall unevenly";
}

INSTANTIATE_TEST_SUITE_P(Memory, HitRatio,
                         testing::Values(Workload{"zipf", zipf}, Workload{"loop", loop},
                                         Workload{"scans_in_zipf", scans_in_zipf},
                                         Workload{"shifting_hot_spot", shifting_hot_spot},
                                         Workload{"drifting", drifting}),
                         testing::PrintToStringParamName());

} // namespace
} // namespace tiercel::memory::test
