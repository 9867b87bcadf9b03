#pragma once

#include "lab/trace.hpp"

#include <cstdint>
#include <vector>

namespace tiercel::lab {

/// A part of a trace that behaves like the whole: all requests of the keys whose hash is below a threshold, run against
/// a cache made smaller by the same rate (C. Waldspurger, T. Saemundson, I. Ahmad, N. Park, "Cache modeling and
/// optimization using miniature simulations", USENIX ATC 2017).
/// Thread safety: immutable once made. Lifetime: refers to the key hashes of the trace.
class SampledTrace {
public:
    /// `rate` above 0, at most 1; at 1 it refers to the trace and copies nothing.
    SampledTrace(const Trace& trace, double rate);

    RequestSequence sequence() const noexcept;
    double rate() const noexcept { return rate_; }

    /// The smaller cache that stands for one of `capacity`; at least 1.
    std::uint64_t scaled(std::uint64_t capacity) const noexcept;

    /// The hit ratio of the whole trace, estimated from hits in the sample. Hot keys make the sample hold more or fewer
    /// requests than its rate says; since hot keys hit, the difference is taken from or given to the hits, as in
    /// SHARDS-adj (Waldspurger, Park, Garthwaite, Ahmad, "Efficient MRC construction with SHARDS", FAST 2015).
    double hit_ratio(std::uint64_t hits) const noexcept;

private:
    const Trace& trace_;
    double rate_;
    std::vector<std::uint32_t> keys_;
    std::vector<std::uint64_t> sizes_;
};

} // namespace tiercel::lab
