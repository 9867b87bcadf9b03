#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::lab {

/// A policy's miss ratio over cache size.
struct Curve {
    std::string name;
    std::vector<double> miss_ratios; ///< at each of the chart's sizes
};

struct CurveChart {
    std::string title;
    std::string subtitle;
    std::string unit;                 ///< of the sizes: entries or bytes
    std::uint64_t whole = 0;          ///< what 100 % of the keys is, in that unit
    std::vector<std::uint64_t> sizes; ///< rising
    std::vector<Curve> curves;
};

/// A policy's hit ratio on one sequence.
struct Bar {
    std::string name;
    double hit_ratio = 0;
    std::vector<bool> hits; ///< of each request, where the sequence is shown
};

struct BarChart {
    std::string title;
    std::string subtitle;
    std::vector<std::string> sequence; ///< the keys asked for; empty when they are too many to show
    std::vector<Bar> bars;
};

// SVG: a whole file. Grey ink on no ground, so that it reads on light and on dark pages; a browser makes the ink darker
// or lighter as the reader prefers.
std::string svg_of(const CurveChart& chart);
std::string svg_of(const BarChart& chart);

enum class Colour : bool { none, terminal };

// Text for a terminal of `width` columns; each line ends.
std::string text_of(const CurveChart& chart, std::size_t width, Colour colour);
std::string text_of(const BarChart& chart, std::size_t width, Colour colour);

/// "#rrggbb", readable on white and on black, always the same for the same policy. Empty for Belady, who is drawn in
/// ink.
std::string colour_of(std::string_view policy);

/// The attribute of an SVG element that is filled with it.
std::string fill_of(std::string_view policy);

/// The range of miss ratios to show: the least that has all of them, from a tenth to a tenth.
struct RatioRange {
    double least = 0;
    double most = 1;
};
RatioRange range_of(const std::vector<Curve>& curves);

/// The highest curve first, as the eye meets them in the picture.
std::vector<const Curve*> from_top(const std::vector<Curve>& curves);

/// Where `size` lies between the first and the last, 0 to 1, by its logarithm.
double log_place(double size, const std::vector<std::uint64_t>& sizes);

} // namespace tiercel::lab
