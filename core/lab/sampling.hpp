#pragma once

#include "lab/trace.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tiercel::lab {

/// The keys of a trace by how often they are asked for, then by size and first appearance: what samples are taken from.
/// Lifetime: the trace must outlive it.
class PopularityOrder {
public:
    struct Key {
        std::uint32_t key = 0;
        std::uint32_t uses = 0;
        std::uint64_t size = 0;
    };

    explicit PopularityOrder(const Trace& trace);

    const Trace& trace() const noexcept { return trace_; }
    std::span<const Key> keys() const noexcept { return keys_; }

private:
    const Trace& trace_;
    std::vector<Key> keys_;
};

/// A part of a trace that behaves like the whole: all requests of some of the keys, run against a cache made smaller by
/// the same rate (C. Waldspurger, T. Saemundson, I. Ahmad, N. Park, "Cache modeling and optimization using miniature
/// simulations", USENIX ATC 2017). There a key is chosen if its hash is below a threshold. Here, where all keys are
/// known beforehand, they are first put in order of how often and from when on they are asked for, and of each stretch
/// of 1/rate neighbours the one of the lowest hash is chosen: by hash all the same, but the sample has its fair share
/// of hot and cold, early and late keys. Thread safety: immutable once made. Lifetime: refers to the key hashes of the
/// trace.
class SampledTrace {
public:
    /// All of it; copies nothing.
    explicit SampledTrace(const Trace& trace) : trace_(trace) {}
    /// `rate` above 0, at most 1. The order is not kept.
    SampledTrace(const PopularityOrder& order, double rate);

    RequestSequence sequence() const noexcept;
    double rate() const noexcept { return rate_; }

    /// The smaller cache that stands for one of `capacity`; at least 1.
    std::uint64_t scaled(std::uint64_t capacity) const noexcept;

    /// The hit ratio of the whole trace, estimated from what hit in the sample. A key's hits count for its neighbours
    /// too: times the requests of its stretch, over its own. This takes the place of the correction of SHARDS-adj
    /// (Waldspurger, Park, Garthwaite, Ahmad, "Efficient MRC construction with SHARDS", FAST 2015), which takes the
    /// requests that a sample has too few or too many for hits: true of hot keys under LRU, but not under LFU or MRU.
    double hit_ratio(const std::vector<bool>& hits) const noexcept;

private:
    const Trace& trace_;
    double rate_ = 1;
    std::vector<std::uint32_t> keys_;
    std::vector<std::uint64_t> sizes_;
    std::vector<float> weights_; ///< of a request, by key; 0 of keys that were not chosen
};

} // namespace tiercel::lab
