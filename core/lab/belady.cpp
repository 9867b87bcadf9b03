#include "lab/belady.hpp"

#include "lab/failure.hpp"
#include "lab/position_set.hpp"
#include "lab/run_progress.hpp"

#include <limits>

namespace tiercel::lab {
namespace {

/// What the cache holds, each entry known by the position of its next use: a request hits if its own position is held.
class FutureCache {
public:
    FutureCache(std::size_t length, std::uint64_t capacity, bool weighed)
        : never_(length), capacity_(capacity), room_(capacity), held_(length), weights_(weighed ? length : 0) {}

    /// True if the entry to be used at `now` is held; it then waits for `next`.
    bool use(std::size_t now, std::size_t next) {
        if (!held_.contains(now)) return false;
        const std::uint64_t weight = take(now);
        put(next, weight);
        return true;
    }

    void store(std::size_t next, std::uint64_t weight) {
        if (weight > capacity_) return;
        while (room_ < weight)
            evict();
        put(next, weight);
    }

private:
    void put(std::size_t next, std::uint64_t weight) {
        room_ -= weight;
        if (next == never_) {
            useless_.push_back(weight);
            return;
        }
        held_.insert(next);
        if (!weights_.empty()) weights_[next] = weight;
    }

    std::uint64_t take(std::size_t position) {
        held_.erase(position);
        const std::uint64_t weight = weights_.empty() ? 1 : weights_[position];
        room_ += weight;
        return weight;
    }

    void evict() {
        if (useless_.empty()) {
            take(held_.largest());
            return;
        }
        room_ += useless_.back();
        useless_.pop_back();
    }

    const std::size_t never_; ///< the position that stands for no next use
    const std::uint64_t capacity_;
    std::uint64_t room_;
    PositionSet held_;                   ///< those with a next use
    std::vector<std::uint64_t> weights_; ///< of them, by position; empty: all 1
    std::vector<std::uint64_t> useless_; ///< the weights of the others
};

} // namespace

std::vector<std::uint32_t> next_uses(const RequestSequence& sequence) {
    const std::size_t length = sequence.keys.size();
    if (length >= std::numeric_limits<std::uint32_t>::max())
        throw Failure("Belady takes at most 4,294,967,294 requests; leave belady out, or use --sample");
    const auto never = static_cast<std::uint32_t>(length);
    std::vector<std::uint32_t> next(length);
    std::vector<std::uint32_t> seen(sequence.key_hashes.size(), never);
    for (std::size_t at = length; at-- > 0;) {
        const std::uint32_t key = sequence.keys[at];
        next[at] = seen[key];
        seen[key] = static_cast<std::uint32_t>(at);
    }
    return next;
}

std::uint64_t run_belady(const RequestSequence& sequence, const std::vector<std::uint32_t>& next,
                         std::uint64_t capacity, const RunWatch& watch) {
    FutureCache cache(sequence.keys.size(), capacity, sequence.weighed());
    std::uint64_t hits = 0;
    RunProgress progress(watch);
    for (std::size_t at = 0; at < sequence.keys.size(); ++at) {
        const bool hit = cache.use(at, next[at]);
        if (hit) {
            ++hits;
        } else {
            cache.store(next[at], sequence.weighed() ? sequence.sizes[at] : 1);
        }
        progress.passed(hit);
    }
    return hits;
}

} // namespace tiercel::lab
