#include "lab/chart.hpp"
#include "lab/number_text.hpp"
#include "lab/svg_text.hpp"

#include <algorithm>

namespace tiercel::lab {
namespace {

using Point = SvgText::Point;

constexpr double left = 24;
constexpr double top = 96;
constexpr double row_step = 34;
constexpr double bar_height = 20;
constexpr double bars_width = 420;
constexpr double label_width = 76;
constexpr double between = 28; ///< the sequence and the bars

/// In the worst case, of a 12 pixel font.
constexpr double letter_width = 7.6;

std::string outline_of(const std::string& policy) {
    const std::string colour = colour_of(policy);
    return (colour.empty() ? R"(class="ink")" : "stroke=\"" + colour + "\"") +
           R"( fill="none" stroke-opacity=".45" stroke-width="1.2")";
}

/// The keys as a row, and under each of them what it was to each policy: a full box is a hit, an empty one a miss.
/// Returns how wide it is.
double draw_sequence(SvgText& svg, const BarChart& chart, double x) {
    if (chart.sequence.empty()) return 0;
    std::size_t longest = 1;
    for (const auto& key : chart.sequence)
        longest = std::max(longest, key.size());
    const double cell = std::max(22.0, static_cast<double>(longest) * letter_width + 8);
    for (std::size_t at = 0; at < chart.sequence.size(); ++at) {
        const double cell_x = x + cell * static_cast<double>(at);
        svg.text({cell_x + cell / 2 - 2, top - 12}, chart.sequence[at], R"(class="key strong" text-anchor="middle")");
        for (std::size_t row = 0; row < chart.bars.size(); ++row) {
            const Bar& bar = chart.bars[row];
            const SvgText::Box box{cell_x, top + row_step * static_cast<double>(row), cell - 4, bar_height};
            svg.rectangle(box, "rx=\"3\" " + (bar.hits.at(at) ? fill_of(bar.name) : outline_of(bar.name)));
        }
    }
    return cell * static_cast<double>(chart.sequence.size()) + between;
}

} // namespace

std::string svg_of(const BarChart& chart) {
    std::size_t longest_name = 0;
    for (const auto& bar : chart.bars)
        longest_name = std::max(longest_name, bar.name.size());
    const double names_width = static_cast<double>(longest_name) * letter_width + 24;
    double sequence_width = 0;
    {
        SvgText unused(0, 0, "");
        sequence_width = draw_sequence(unused, chart, 0);
    }
    const double bars_x = left + names_width + sequence_width;
    const double right = bars_x + bars_width;
    const double bottom = top + row_step * static_cast<double>(chart.bars.size());
    SvgText svg(right + label_width, bottom + 44, chart.title);
    svg.text({left, 34}, chart.title, R"(class="title")");
    svg.text({left, 54}, chart.subtitle, "");

    constexpr int steps = 5;
    for (int step = 0; step <= steps; ++step) {
        const double x = bars_x + bars_width * step / steps;
        svg.line({x, top - 6}, {x, bottom}, step == 0 ? R"(class="ink")" : R"(class="grid")");
        svg.text({x, bottom + 18}, percent(static_cast<double>(step) / steps, 0), R"(text-anchor="middle")");
    }
    svg.text({bars_x + bars_width / 2, bottom + 36}, "hit ratio", R"(text-anchor="middle")");

    draw_sequence(svg, chart, left + names_width);
    for (std::size_t row = 0; row < chart.bars.size(); ++row) {
        const Bar& bar = chart.bars[row];
        const double y = top + row_step * static_cast<double>(row);
        svg.text({left + names_width - 14, y + 15}, bar.name,
                 bar.name == "adaptive" ? R"(class="strong" text-anchor="end")" : R"(text-anchor="end")");
        const double length = bars_width * bar.hit_ratio;
        svg.rectangle({bars_x, y, std::max(length, 1.0), bar_height}, "rx=\"2\" " + fill_of(bar.name));
        svg.text({bars_x + length + 8, y + 15}, percent(bar.hit_ratio), R"(class="strong")");
    }
    return std::move(svg).finish();
}

} // namespace tiercel::lab
