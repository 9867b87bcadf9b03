#include "lab/comparison.hpp"

#include "lab/belady.hpp"
#include "lab/cache_size.hpp"
#include "lab/miss_ratio_curve.hpp"
#include "lab/number_text.hpp"
#include "lab/store_run.hpp"

#include <algorithm>

namespace tiercel::lab {
namespace {

std::vector<bool> hits_of(const Trace& trace, const LabPolicy& policy, std::uint64_t capacity, std::uint32_t shards) {
    std::vector<bool> hits;
    const RequestSequence sequence = trace.sequence();
    if (policy.is_belady()) {
        run_belady(sequence, next_uses(sequence), capacity, {{}, &hits});
    } else {
        run_store(sequence, {*policy.online, capacity, shards}, {{}, &hits});
    }
    return hits;
}

} // namespace

BarChart comparison_of(const Trace& trace, const SimulationOptions& options, const std::vector<Outcome>& outcomes) {
    const std::uint64_t capacity = options.capacities.front();
    const bool shown = trace.requests() <= longest_shown_sequence;
    BarChart chart;
    chart.title = "Hit ratio of each policy: " + trace.name;
    chart.subtitle =
        description_of(trace, options.sample) + ", a cache of " + grouped(capacity) + " " + std::string(unit_of(trace));
    if (shown)
        for (const std::uint32_t key : trace.keys)
            chart.sequence.emplace_back(trace.key_texts[key]);
    for (std::size_t at = 0; at < outcomes.size(); ++at) {
        Bar bar{outcomes[at].policy, outcomes[at].hit_ratio, {}};
        if (shown) bar.hits = hits_of(trace, options.policies[at], capacity, options.shards);
        chart.bars.push_back(std::move(bar));
    }
    std::ranges::stable_sort(chart.bars, [](const Bar& a, const Bar& b) {
        const bool a_last = a.name == belady_name;
        const bool b_last = b.name == belady_name;
        return a_last != b_last ? b_last : a.hit_ratio > b.hit_ratio;
    });
    return chart;
}

} // namespace tiercel::lab
