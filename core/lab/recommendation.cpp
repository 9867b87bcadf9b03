#include "lab/recommendation.hpp"

#include "lab/cache_size.hpp"
#include "lab/number_text.hpp"

#include <algorithm>
#include <cmath>

namespace tiercel::lab {
namespace {

constexpr std::uint64_t smallest_share = 1000;

/// A hundredth of hit ratio: less is taken for a straight line.
constexpr double least_knee = 0.01;

std::string size_text(std::uint64_t size, const Trace& trace) {
    return grouped(size) + " " + std::string(size == 1 && trace.sizes.empty() ? "entry" : unit_of(trace));
}

std::string points(double difference) {
    const std::string text = fixed(std::abs(difference) * 100, 2);
    return text + (text == "1.00" ? " point" : " points");
}

} // namespace

std::vector<std::uint64_t> half_again_sizes(const Trace& trace) {
    std::vector<std::uint64_t> sizes;
    const std::uint64_t whole = whole_of(trace);
    for (std::uint64_t size = std::max<std::uint64_t>(2, whole / smallest_share); size < whole; size += size / 2)
        sizes.push_back(size);
    sizes.push_back(std::max<std::uint64_t>(whole, 1));
    return sizes;
}

PolicyAtSize choose(const std::vector<Outcome>& outcomes, const std::vector<std::uint64_t>& sizes) {
    const auto best_at = [&](std::uint64_t size) {
        const Outcome* best = nullptr;
        for (const auto& outcome : outcomes)
            if (outcome.capacity == size && (best == nullptr || outcome.hit_ratio > best->hit_ratio)) best = &outcome;
        return best;
    };
    const double slope = best_at(sizes.back())->hit_ratio / static_cast<double>(sizes.back());
    std::uint64_t knee = sizes.back();
    double highest = least_knee;
    for (const std::uint64_t size : sizes)
        if (const double above = best_at(size)->hit_ratio - slope * static_cast<double>(size); above > highest) {
            knee = size;
            highest = above;
        }
    return {best_at(knee)->policy, knee};
}

std::string sentences(const Findings& findings, const Trace& trace) {
    const double part = static_cast<double>(findings.choice.size) / static_cast<double>(whole_of(trace));
    std::string text = "Choose " + findings.choice.policy + " with " + size_text(findings.choice.size, trace) + " (" +
                       percent(part, 1) + " of the " +
                       (trace.sizes.empty() ? grouped(trace.unique_keys()) + " keys" : "bytes of all keys") +
                       "): it hits " + percent(findings.hit_ratio) + " of the " + grouped(trace.requests()) +
                       " requests";
    if (findings.runner_up.empty()) {
        text += ".";
    } else if (const double lead = findings.hit_ratio - findings.runner_up_ratio; lead < 0.00005) {
        text += ", as " + findings.runner_up + " does.";
    } else {
        text += ", " + points(lead) + " more than " + findings.runner_up + ", the next best.";
    }

    const double gain = findings.larger_ratio - findings.hit_ratio;
    const std::string larger = size_text(findings.larger_size, trace);
    if (gain >= 0.00005) {
        text += " The next 50 % of memory (" + larger + ") would buy " + points(gain) + ": " +
                percent(findings.larger_ratio) + ".";
    } else {
        text += " The next 50 % of memory (" + larger + ") would buy nothing: " + percent(findings.larger_ratio) + ".";
    }

    const double gap = findings.belady_ratio - findings.hit_ratio;
    text += " The offline optimum (Belady), which knows the future, hits " + percent(findings.belady_ratio) +
            " at this size";
    if (!trace.sizes.empty()) {
        text += gap >= 0 ? ", " + points(gap) +
                               " more; it looks at next uses alone, not at sizes, so it is a mark and "
                               "no bound."
                         : ", " + points(gap) + " less: it looks at next uses alone, not at sizes, so it is no bound.";
    } else if (gap < 0.00005) {
        text += " too, so no policy could do better.";
    } else {
        text += ": " + points(gap) + " is all that any better policy could win.";
    }
    return text + "\n";
}

} // namespace tiercel::lab
