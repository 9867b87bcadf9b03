#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tiercel::lab {

/// 13756 as "13,756".
std::string grouped(std::uint64_t number);

/// With that many digits after the point, whatever the locale.
std::string fixed(double number, int digits);

/// A ratio of 0 to 1 as "12.34 %".
std::string percent(double ratio, int digits = 2);

/// For axes: 950, "1 k", "2.5 k", "10 M".
std::string short_count(double number);

/// With spaces in front, to that width.
std::string right_aligned(const std::string& text, std::size_t width);

/// All of `text` as a number; empty if it is none, is negative, or does not fit.
std::optional<std::uint64_t> parse_count(std::string_view text);
std::optional<double> parse_decimal(std::string_view text);

} // namespace tiercel::lab
