#include "lab/sampling.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <cmath>

namespace tiercel::lab {
namespace {

/// Apart from the bits by which the engine chooses shards and policies count and sample.
constexpr std::uint64_t sampling_salt = 0x7465726365736d70U;

/// 0 to 1, even over keys.
double place_of(std::uint64_t key_hash) noexcept {
    return std::ldexp(static_cast<double>(detail::mix(key_hash ^ sampling_salt) >> 11), -53);
}

} // namespace

SampledTrace::SampledTrace(const Trace& trace, double rate) : trace_(trace), rate_(std::min(rate, 1.0)) {
    if (rate_ >= 1) return;
    std::vector<bool> chosen(trace.unique_keys());
    for (std::size_t key = 0; key < chosen.size(); ++key)
        chosen[key] = place_of(trace.key_hashes[key]) < rate_;
    for (std::size_t at = 0; at < trace.keys.size(); ++at) {
        if (!chosen[trace.keys[at]]) continue;
        keys_.push_back(trace.keys[at]);
        if (!trace.sizes.empty()) sizes_.push_back(trace.sizes[at]);
    }
}

RequestSequence SampledTrace::sequence() const noexcept {
    if (rate_ >= 1) return trace_.sequence();
    return {keys_, sizes_, trace_.key_hashes};
}

std::uint64_t SampledTrace::scaled(std::uint64_t capacity) const noexcept {
    if (rate_ >= 1) return capacity;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(static_cast<double>(capacity) * rate_)));
}

double SampledTrace::hit_ratio(std::uint64_t hits) const noexcept {
    if (rate_ >= 1) return static_cast<double>(hits) / static_cast<double>(trace_.requests());
    const double expected = static_cast<double>(trace_.requests()) * rate_;
    const double missing = expected - static_cast<double>(keys_.size());
    return std::clamp((static_cast<double>(hits) + missing) / expected, 0.0, 1.0);
}

} // namespace tiercel::lab
