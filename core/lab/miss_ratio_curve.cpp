#include "lab/miss_ratio_curve.hpp"

#include "lab/cache_size.hpp"
#include "lab/number_text.hpp"

#include <algorithm>

namespace tiercel::lab {
namespace {

constexpr std::uint64_t smallest_part = 1000;

} // namespace

std::vector<std::uint64_t> curve_sizes(const Trace& trace, unsigned points) {
    return log_spaced(whole_of(trace) / smallest_part, whole_of(trace), points);
}

CurveChart miss_ratio_chart(const Trace& trace, const SimulationOptions& options,
                            const std::vector<Outcome>& outcomes) {
    CurveChart chart;
    chart.title = "Miss ratio over cache size: " + trace.name;
    chart.subtitle = description_of(trace, options.sample);
    chart.unit = unit_of(trace);
    chart.whole = whole_of(trace);
    chart.sizes = options.capacities;
    std::ranges::sort(chart.sizes);
    for (const auto& policy : options.policies) {
        Curve curve{policy.name, {}};
        for (const std::uint64_t size : chart.sizes) {
            const auto found = std::ranges::find_if(outcomes, [&](const Outcome& outcome) {
                return outcome.policy == policy.name && outcome.capacity == size;
            });
            curve.miss_ratios.push_back(1 - found->hit_ratio);
        }
        chart.curves.push_back(std::move(curve));
    }
    return chart;
}

std::string description_of(const Trace& trace, double sample) {
    std::string text = grouped(trace.requests()) + " requests, " + grouped(trace.unique_keys()) + " keys";
    if (!trace.sizes.empty()) text += " of " + grouped(trace.unique_bytes) + " bytes";
    if (sample < 1) text += ", estimated from " + percent(sample, 1) + " of the keys";
    return text;
}

} // namespace tiercel::lab
