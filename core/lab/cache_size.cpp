#include "lab/cache_size.hpp"

#include "lab/failure.hpp"
#include "lab/number_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tiercel::lab {
namespace {

constexpr double largest = 1e18;

} // namespace

CacheSize::CacheSize(std::string_view text) : text_(text) {
    double factor = 1;
    if (text.ends_with('%')) {
        unit_ = Unit::percent;
        text.remove_suffix(1);
    } else {
        constexpr std::pair<std::string_view, int> suffixes[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
        for (const auto& [suffix, bits] : suffixes)
            if (text.ends_with(suffix)) {
                unit_ = Unit::bytes;
                factor = std::ldexp(1.0, bits);
                text.remove_suffix(suffix.size());
            }
    }
    const auto number = parse_decimal(text);
    const bool is_whole = number && *number == std::floor(*number);
    if (!number || (unit_ == Unit::plain && !is_whole) || *number * factor > largest)
        throw UsageError("\"" + text_ +
                         "\" is no cache size; give entries (1000), a part of the keys (10%), or bytes " +
                         "with --weigh (64MiB)");
    if (*number == 0) throw UsageError("a cache of size 0 holds nothing; give a size of 1 or more");
    number_ = *number * factor;
}

std::uint64_t CacheSize::of(const Trace& trace) const {
    if (unit_ == Unit::bytes && trace.sizes.empty())
        throw UsageError("\"" + text_ + "\" is a size in bytes, which needs --weigh and a trace with sizes");
    const double exact = unit_ == Unit::percent ? static_cast<double>(whole_of(trace)) * number_ / 100 : number_;
    if (exact > largest) throw UsageError("a cache of " + text_ + " is beyond all measure; give a smaller size");
    const auto size = static_cast<std::uint64_t>(std::llround(exact));
    if (size == 0)
        throw UsageError(text_ + " of " + grouped(whole_of(trace)) + " (the trace " + trace.name +
                         ") is less than one; give a larger size");
    return size;
}

std::vector<std::uint64_t> resolved(const std::vector<CacheSize>& sizes, const Trace& trace) {
    std::vector<std::uint64_t> all;
    for (const auto& size : sizes)
        if (const std::uint64_t value = size.of(trace); std::ranges::find(all, value) == all.end())
            all.push_back(value);
    return all;
}

std::uint64_t whole_of(const Trace& trace) noexcept {
    return trace.sizes.empty() ? trace.unique_keys() : trace.unique_bytes;
}

std::string_view unit_of(const Trace& trace) noexcept {
    return trace.sizes.empty() ? "entries" : "bytes";
}

std::vector<std::uint64_t> log_spaced(std::uint64_t first, std::uint64_t last, unsigned count) {
    first = std::max<std::uint64_t>(first, 1);
    last = std::max(first, last);
    std::vector<std::uint64_t> sizes;
    const double factor = std::log(static_cast<double>(last) / static_cast<double>(first));
    for (unsigned index = 0; index < count; ++index) {
        const double at = count == 1 ? 1 : static_cast<double>(index) / (count - 1);
        sizes.push_back(static_cast<std::uint64_t>(std::llround(static_cast<double>(first) * std::exp(factor * at))));
    }
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    return sizes;
}

} // namespace tiercel::lab
