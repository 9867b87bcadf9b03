// Which eviction policy fits my traffic?
//
// Runs each policy over four kinds of traffic with room for a tenth of the keys, and prints how many lookups hit. Put
// a trace of your own keys in their place to choose by it.

#include "expect.hpp"

#include <tiercel/cache.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr int keys = 2'000;
constexpr int room = 200;
constexpr std::size_t lookups = 60'000;

using Trace = std::vector<int>;

/// The share of lookups that hit.
double hit_ratio(const Trace& trace, tiercel::Eviction policy) {
    // [snippet eviction]
    auto trial = tiercel::Cache<int, int>::create({
        .name = "trial",
        .memory = {.max_entries = room, .eviction = policy, .shards = 1}, // one shard: exact, for small bounds
    });
    // [/snippet]
    auto& cache = trial.value();
    std::size_t hits = 0;
    for (const int key : trace) {
        if (cache.get(key)) {
            ++hits;
        } else {
            cache.put(key, key);
        }
    }
    return static_cast<double>(hits) / static_cast<double>(trace.size());
}

/// Few keys are wanted often, many seldom: the n-th of them in proportion to 1/n. So are pages, products and users.
class Zipf {
public:
    int operator()(std::mt19937& random) { return choice_(random); }

private:
    static std::vector<double> weights() {
        std::vector<double> weights;
        for (int n = 1; n <= keys; ++n)
            weights.push_back(1.0 / n);
        return weights;
    }
    std::vector<double> all_ = weights();
    std::discrete_distribution<int> choice_{all_.begin(), all_.end()};
};

/// All keys in turn, again and again: a batch job.
Trace loop() {
    Trace trace(lookups);
    for (std::size_t i = 0; i < lookups; ++i)
        trace[i] = static_cast<int>(i % (room + room / 2));
    return trace;
}

Trace zipf() {
    std::mt19937 random(1);
    Zipf popular;
    Trace trace(lookups);
    for (auto& key : trace)
        key = popular(random);
    return trace;
}

/// The same, with somebody who walks over everything at the same time: a crawler, a report.
Trace scan_polluted() {
    Trace trace = zipf();
    for (std::size_t i = 0; i < lookups; ++i) {
        if (i % 2 == 0) trace[i] = static_cast<int>(keys + i); // never to come again
    }
    return trace;
}

/// What is popular changes quickly: news.
Trace drifting() {
    std::mt19937 random(1);
    Zipf popular;
    Trace trace(lookups);
    for (std::size_t i = 0; i < lookups; ++i)
        trace[i] = popular(random) + static_cast<int>(i / 1'000 * 100);
    return trace;
}

} // namespace

int main() {
    const std::vector<tiercel::Eviction> policies = {tiercel::eviction::adaptive(), tiercel::eviction::lru(),
                                                     tiercel::eviction::lfu(), tiercel::eviction::fifo(),
                                                     tiercel::eviction::mru()};
    const std::vector<std::pair<std::string, Trace>> traffic = {
        {"loop", loop()}, {"Zipf", zipf()}, {"Zipf and scans", scan_polluted()}, {"drifting Zipf", drifting()}};

    std::printf("%-16s", "");
    for (const auto& policy : policies)
        std::printf("%9s", std::string(policy.name()).c_str());
    std::map<std::string, std::map<std::string, double>> ratio;
    for (const auto& [name, trace] : traffic) {
        std::printf("\n%-16s", name.c_str());
        for (const auto& policy : policies) {
            const double hits = ratio[name][std::string(policy.name())] = hit_ratio(trace, policy);
            std::printf("%7.1f %%", 100 * hits);
        }
    }
    std::printf("\n");

    for (auto& [name, of] : ratio)
        example::expect(of["adaptive"] > std::max({of["lru"], of["lfu"], of["fifo"], of["mru"]}) - 0.06,
                        "adaptive is near the best of them on each");
    example::expect(ratio["loop"]["lru"] == 0 && ratio["loop"]["mru"] > 0.5, "a loop over too many keys wants MRU");
    example::expect(ratio["Zipf"]["lfu"] > ratio["Zipf"]["lru"], "stable popularity wants LFU");
    example::expect(ratio["Zipf and scans"]["lfu"] > ratio["Zipf and scans"]["lru"] + 0.05, "the more so with scans");
    example::expect(ratio["drifting Zipf"]["lru"] > ratio["drifting Zipf"]["lfu"], "a changing one wants LRU");
    example::expect(ratio["Zipf"]["lru"] > ratio["Zipf"]["fifo"], "and FIFO is for values that lose their worth");
}
