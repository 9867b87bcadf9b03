#include "lab/outcome_formats.hpp"

#include "lab/cache_size.hpp"
#include "lab/number_text.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::lab {
namespace {

constexpr int ratio_digits = 10;
constexpr int seconds_digits = 6;

/// As RFC 4180 wants it.
std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string json_string(const std::string& text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (byte < 0x20) {
            quoted += "\\u00";
            quoted += digits[byte >> 4];
            quoted += digits[byte & 15];
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

std::string csv_rows(const Trace& trace, const std::vector<Outcome>& outcomes) {
    std::string text;
    for (const auto& outcome : outcomes)
        text += csv_field(trace.name) + ',' + std::to_string(outcome.capacity) + ',' + outcome.policy + ',' +
                fixed(outcome.hit_ratio, ratio_digits) + ',' + std::to_string(outcome.requests) + ',' +
                fixed(outcome.seconds, seconds_digits) + '\n';
    return text;
}

std::string json_objects(const Trace& trace, const std::vector<Outcome>& outcomes, bool first) {
    std::string text;
    for (const auto& outcome : outcomes) {
        text += first ? "\n" : ",\n";
        first = false;
        text += "  {\"trace\": " + json_string(trace.name) + ", \"cache_size\": " + std::to_string(outcome.capacity) +
                ", \"policy\": " + json_string(outcome.policy) +
                ", \"hit_ratio\": " + fixed(outcome.hit_ratio, ratio_digits) +
                ", \"requests\": " + std::to_string(outcome.requests) +
                ", \"seconds\": " + fixed(outcome.seconds, seconds_digits) + "}";
    }
    return text;
}

std::string table(const Trace& trace, const SimulationOptions& options, const std::vector<Outcome>& outcomes) {
    std::string text = trace.name + ": hit ratios in %, " + grouped(trace.requests()) + " requests, " +
                       grouped(trace.unique_keys()) + " keys";
    if (!trace.sizes.empty()) text += " of " + grouped(trace.unique_bytes) + " bytes";
    if (options.sample < 1) text += ", estimated from " + percent(options.sample, 1) + " of the keys";
    text += '\n';

    std::size_t size_width = unit_of(trace).size();
    for (const std::uint64_t capacity : options.capacities)
        size_width = std::max(size_width, grouped(capacity).size());
    const auto column = [](const LabPolicy& policy) { return std::max<std::size_t>(policy.name.size(), 6) + 2; };

    text += right_aligned(std::string(unit_of(trace)), size_width);
    for (const auto& policy : options.policies)
        text += right_aligned(policy.name, column(policy));
    text += '\n';
    std::size_t at = 0;
    for (const std::uint64_t capacity : options.capacities) {
        text += right_aligned(grouped(capacity), size_width);
        for (const auto& policy : options.policies)
            text += right_aligned(fixed(outcomes[at++].hit_ratio * 100, 2), column(policy));
        text += '\n';
    }
    const bool belady = std::ranges::any_of(options.policies, &LabPolicy::is_belady);
    if (belady && !trace.sizes.empty())
        text += "belady evicts by next use whatever the sizes: a good mark when weighed, not a bound\n";
    return text;
}

} // namespace

std::string OutcomeWriter::begin() const {
    switch (format_) {
    case Format::csv:
        return "trace,cache_size,policy,hit_ratio,requests,seconds\n";
    case Format::json:
        return "[";
    case Format::table:
        break;
    }
    return {};
}

std::string OutcomeWriter::of(const Trace& trace, const SimulationOptions& options,
                              const std::vector<Outcome>& outcomes) {
    const bool first = std::exchange(first_, false);
    switch (format_) {
    case Format::csv:
        return csv_rows(trace, outcomes);
    case Format::json:
        return json_objects(trace, outcomes, first);
    case Format::table:
        break;
    }
    return (first ? "" : "\n") + table(trace, options, outcomes);
}

std::string OutcomeWriter::end() const {
    return format_ == Format::json ? "\n]\n" : "";
}

} // namespace tiercel::lab
