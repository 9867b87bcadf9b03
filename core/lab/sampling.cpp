#include "lab/sampling.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

namespace tiercel::lab {
namespace {

/// Apart from the bits by which the engine chooses shards and policies count and sample.
constexpr std::uint64_t sampling_salt = 0x7465726365736d70U;

using Key = PopularityOrder::Key;

/// One key of each stretch of 1/rate: how many requests each of its own stands for. 0 for the others.
std::vector<float> weights_of_chosen(const PopularityOrder& order, double rate) {
    const auto keys = order.keys();
    const auto& hashes = order.trace().key_hashes;
    std::vector<float> weights(keys.size());
    const auto place_of = [&](const Key& key) { return detail::mix(hashes[key.key] ^ sampling_salt); };
    for (std::size_t begin = 0, stretch = 0; begin < keys.size(); ++stretch) {
        std::size_t end = begin + 1;
        while (end < keys.size() && static_cast<double>(end) * rate < static_cast<double>(stretch + 1))
            ++end;
        const Key* lowest = &keys[begin];
        std::uint64_t uses = 0;
        for (std::size_t at = begin; at < end; ++at) {
            uses += keys[at].uses;
            if (place_of(keys[at]) < place_of(*lowest)) lowest = &keys[at];
        }
        weights[lowest->key] = static_cast<float>(static_cast<double>(uses) / lowest->uses);
        begin = end;
    }
    return weights;
}

} // namespace

PopularityOrder::PopularityOrder(const Trace& trace) : trace_(trace), keys_(trace.unique_keys()) {
    for (std::size_t at = trace.keys.size(); at-- > 0;) { // backwards, so that the first size stays
        Key& key = keys_[trace.keys[at]];
        key.key = trace.keys[at];
        ++key.uses;
        if (!trace.sizes.empty()) key.size = trace.sizes[at];
    }
    std::ranges::sort(keys_, std::ranges::greater(),
                      [](const Key& key) { return std::tuple(key.uses, key.size, key.key); });
}

SampledTrace::SampledTrace(const PopularityOrder& order, double rate)
    : trace_(order.trace()), rate_(std::min(rate, 1.0)) {
    if (rate_ >= 1) return;
    weights_ = weights_of_chosen(order, rate_);
    for (std::size_t at = 0; at < trace_.keys.size(); ++at) {
        if (weights_[trace_.keys[at]] == 0) continue;
        keys_.push_back(trace_.keys[at]);
        if (!trace_.sizes.empty()) sizes_.push_back(trace_.sizes[at]);
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

double SampledTrace::hit_ratio(const std::vector<bool>& hits) const noexcept {
    double sum = 0;
    for (std::size_t at = 0; at < hits.size(); ++at)
        if (hits[at]) sum += rate_ >= 1 ? 1 : static_cast<double>(weights_[keys_[at]]);
    return std::clamp(sum / static_cast<double>(trace_.requests()), 0.0, 1.0);
}

} // namespace tiercel::lab
