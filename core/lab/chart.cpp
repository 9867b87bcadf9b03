#include "lab/chart.hpp"

#include "lab/policy_list.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

namespace tiercel::lab {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> known_colours{{{"adaptive", "#e5484d"},
                                                                                       {"lru", "#3b82f6"},
                                                                                       {"lfu", "#0d9b7a"},
                                                                                       {"fifo", "#a47845"},
                                                                                       {"mru", "#b8a200"},
                                                                                       {"clock", "#06a0bd"},
                                                                                       {"sieve", "#a259f0"},
                                                                                       {"s3_fifo", "#e8930c"},
                                                                                       {"arc", "#5fa821"},
                                                                                       {"w_tinylfu", "#e24a93"}}};

/// For policies of later days.
constexpr std::array<std::string_view, 5> other_colours{"#c2594b", "#7d8f2a", "#5b6fd6", "#b06fb8", "#3f9c9c"};

} // namespace

std::string colour_of(std::string_view policy) {
    if (policy == belady_name) return {};
    for (const auto& [name, colour] : known_colours)
        if (name == policy) return std::string(colour);
    std::size_t sum = 0;
    for (const char c : policy)
        sum = sum * 31 + static_cast<unsigned char>(c);
    return std::string(other_colours[sum % other_colours.size()]);
}

std::string fill_of(std::string_view policy) {
    const std::string colour = colour_of(policy);
    return colour.empty() ? R"(class="inkfill")" : "fill=\"" + colour + "\"";
}

RatioRange range_of(const std::vector<Curve>& curves) {
    double least = 1;
    double most = 0;
    for (const auto& curve : curves)
        for (const double ratio : curve.miss_ratios) {
            least = std::min(least, ratio);
            most = std::max(most, ratio);
        }
    RatioRange range{std::floor(least * 10) / 10, std::ceil(most * 10) / 10};
    if (range.most - range.least < 0.15) range = {std::max(0.0, range.most - 0.2), range.most};
    if (range.most <= range.least) range = {0, 1};
    return range;
}

std::vector<const Curve*> from_top(const std::vector<Curve>& curves) {
    std::vector<const Curve*> order;
    for (const auto& curve : curves)
        order.push_back(&curve);
    const auto height = [](const Curve* curve) {
        return std::accumulate(curve->miss_ratios.begin(), curve->miss_ratios.end(), 0.0);
    };
    std::ranges::stable_sort(order, std::greater(), height);
    return order;
}

double log_place(double size, const std::vector<std::uint64_t>& sizes) {
    const double first = std::log(static_cast<double>(sizes.front()));
    const double last = std::log(static_cast<double>(sizes.back()));
    return last <= first ? 0.5 : (std::log(size) - first) / (last - first);
}

} // namespace tiercel::lab
