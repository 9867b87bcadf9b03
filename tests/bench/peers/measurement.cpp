#include "measurement.hpp"

#include "../statistics.hpp"

namespace tiercel::bench::peers {

Sample Run::sample() const {
    std::uint64_t operations = 0, gets = 0, hits = 0;
    std::vector<std::uint32_t> nanoseconds;
    for (const auto& tally : tallies) {
        operations += tally.operations;
        gets += tally.gets;
        hits += tally.hits;
        nanoseconds.insert(nanoseconds.end(), tally.nanoseconds.begin(), tally.nanoseconds.end());
    }
    Sample sample;
    sample.per_second = static_cast<double>(operations) / took.count();
    sample.hit_ratio = gets == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(gets);
    if (!nanoseconds.empty()) {
        sample.p50_ns = quantile(nanoseconds, 0.5);
        sample.p999_ns = quantile(nanoseconds, 0.999);
    }
    return sample;
}

} // namespace tiercel::bench::peers
