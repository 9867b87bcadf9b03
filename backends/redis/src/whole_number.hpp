#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace tiercel::redis {

/// All of `text` as a decimal number; empty if it is none, or does not fit.
template <class Number>
std::optional<Number> whole_number(std::string_view text) noexcept {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

} // namespace tiercel::redis
