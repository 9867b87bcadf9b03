#include "lab/chart.hpp"
#include "lab/number_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tiercel::lab {
namespace {

constexpr std::size_t chart_rows = 20;
constexpr std::size_t axis_width = 8;
constexpr std::string_view marks = "abcdefghijklmnopqrstuvwxyz";

/// In the policy's colour, where colours are wanted.
std::string painted(const std::string& text, std::string_view policy, Colour colour) {
    const std::string hex = colour_of(policy);
    if (colour == Colour::none || hex.empty()) return text;
    const auto part = [&](std::size_t at) { return std::to_string(std::stoi(hex.substr(at, 2), nullptr, 16)); };
    return "\x1b[38;2;" + part(1) + ";" + part(3) + ";" + part(5) + "m" + text + "\x1b[0m";
}

std::string left_aligned(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

/// On the line between the two sizes around it, in logarithms.
double ratio_at(double place, const CurveChart& chart, const Curve& curve) {
    for (std::size_t at = 1; at < chart.sizes.size(); ++at) {
        const double before = log_place(static_cast<double>(chart.sizes[at - 1]), chart.sizes);
        const double after = log_place(static_cast<double>(chart.sizes[at]), chart.sizes);
        if (place > after) continue;
        const double part = (place - before) / (after - before);
        return curve.miss_ratios[at - 1] + part * (curve.miss_ratios[at] - curve.miss_ratios[at - 1]);
    }
    return curve.miss_ratios.back();
}

std::string size_axis(const CurveChart& chart, std::size_t columns) {
    std::string ticks(columns, ' ');
    std::size_t free_from = 0;
    for (int exponent = 0; exponent < 20; ++exponent)
        for (const int digit : {1, 2, 5}) {
            const double size = digit * std::pow(10.0, exponent);
            const double place = log_place(size, chart.sizes);
            if (place < 0 || place > 1) continue;
            const auto at = static_cast<std::size_t>(std::lround(place * static_cast<double>(columns - 1)));
            const std::string label = short_count(size);
            if (at < free_from || at + label.size() > columns) continue;
            ticks.replace(at, label.size(), label);
            free_from = at + label.size() + 2;
        }
    return ticks;
}

/// Eighths of a cell.
std::string bar_text(double ratio, std::size_t columns) {
    constexpr std::array parts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto eighths = static_cast<std::size_t>(std::lround(ratio * static_cast<double>(columns) * 8));
    std::string text;
    for (std::size_t at = 0; at < eighths / 8; ++at)
        text += "█";
    return text + parts[eighths % 8];
}

} // namespace

std::string text_of(const CurveChart& chart, std::size_t width, Colour colour) {
    const std::size_t columns = std::clamp<std::size_t>(width, 40, 120) - axis_width - 1;
    const RatioRange range = range_of(chart.curves);
    const auto order = from_top(chart.curves);
    std::vector<std::vector<const Curve*>> cells(chart_rows, std::vector<const Curve*>(columns));
    for (const Curve* curve : order) // those below last, so that the best is never hidden
        for (std::size_t column = 0; column < columns; ++column) {
            const double ratio =
                ratio_at(static_cast<double>(column) / static_cast<double>(columns - 1), chart, *curve);
            const double depth = (range.most - ratio) / (range.most - range.least);
            const auto row = static_cast<std::size_t>(std::lround(std::clamp(depth, 0.0, 1.0) * (chart_rows - 1)));
            cells[row][column] = curve;
        }
    const auto mark_of = [&](const Curve* curve) {
        const auto at = static_cast<std::size_t>(std::ranges::find(order, curve) - order.begin());
        return std::string(1, marks[at % marks.size()]);
    };

    std::string text = chart.title + "\n" + chart.subtitle + "\n\n";
    for (std::size_t row = 0; row < chart_rows; ++row) {
        const double ratio = range.most - (range.most - range.least) * static_cast<double>(row) / (chart_rows - 1);
        text += row % 4 == 0 || row + 1 == chart_rows ? right_aligned(percent(ratio, 1), axis_width)
                                                      : right_aligned("", axis_width);
        text += "│";
        std::string line;
        for (const Curve* curve : cells[row])
            line += curve == nullptr ? " " : painted(mark_of(curve), curve->name, colour);
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    text += right_aligned("", axis_width) + "└";
    for (std::size_t column = 0; column < columns; ++column)
        text += "─";
    text += "\n" + right_aligned("", axis_width + 1) + size_axis(chart, columns) + "\n";
    text += right_aligned("", axis_width + 1) + "cache size in " + chart.unit + ", logarithmic; miss ratio upwards\n\n";
    for (const Curve* curve : order)
        text += "  " + painted(mark_of(curve) + " " + curve->name, curve->name, colour);
    return text + "\n";
}

std::string text_of(const BarChart& chart, std::size_t width, Colour colour) {
    std::size_t names = 0;
    for (const auto& bar : chart.bars)
        names = std::max(names, bar.name.size());
    std::size_t cell = 1;
    for (const auto& key : chart.sequence)
        cell = std::max(cell, key.size());
    ++cell;

    std::string text = chart.title + "\n" + chart.subtitle + "\n\n";
    if (!chart.sequence.empty()) {
        text += left_aligned("", names + 2);
        for (const auto& key : chart.sequence)
            text += left_aligned(key, cell);
        text += "\n";
    }
    const std::size_t used = names + 2 + cell * chart.sequence.size() + 10;
    const std::size_t columns = width > used + 20 ? std::min<std::size_t>(width - used, 60) : 20;
    for (const auto& bar : chart.bars) {
        std::string row;
        for (const bool hit : bar.hits)
            row += (hit ? "●" : "·") + std::string(cell - 1, ' ');
        row += right_aligned(percent(bar.hit_ratio), 8) + " " + bar_text(bar.hit_ratio, columns);
        text += left_aligned(bar.name, names) + "  " + painted(row, bar.name, colour) + "\n";
    }
    if (!chart.sequence.empty()) text += "● hit  · miss\n";
    return text;
}

} // namespace tiercel::lab
