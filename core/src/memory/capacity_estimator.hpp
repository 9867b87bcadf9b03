#pragma once

#include "memory/access_tap.hpp"
#include "memory/hit_counts.hpp"
#include "memory/store.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace tiercel::memory {

/// Says what a store would hit with half, twice and four times its capacity, from what it is asked now.
///
/// A miniature simulation (Waldspurger et al., "Cache Modeling and Optimization using Miniature Simulations", ATC 2017)
/// of the store's own policy: a sample of the keys, which hash-sampling takes whole, goes through four small stores of
/// half, the same, twice and four times the capacity, each smaller by the sampled part of the keys. The misses of these
/// are told in those of the one with the same capacity, of which the real store says how many they stand for. So what
/// is common to all four, as that a hot key is in the sample or not, is not in the answer. Only where a smaller
/// capacity misses far more often than the real one, the difference is told against the accesses that a sample of this
/// part ought to have (not those that it had, as in SHARDS-adj: Waldspurger et al., "Efficient MRC Construction with
/// SHARDS", FAST 2015).
///
/// The small stores follow the real one: a value goes in when it does there, with its weight and expiry; a loaded value
/// only into those that missed it; what is erased leaves all of them. Counts are halved each `window` accesses of the
/// sample, for the answer to be of the present.
///
/// Thread safety: all members may be called concurrently. One mutex, only tried: what comes while another thread is in
/// here is not seen, nor is a second hit in a row on the key that everything held a moment ago. Misses are what counts.
/// Cost: for a sampled access four look-ups in small stores. At most 2,048 keys of the capacity are sampled, one in 512
/// where that gives 128; smaller stores sample more, to 64 keys of the capacity.
class CapacityEstimator final : public AccessTap {
public:
    /// `real`: the options of the store that asks. Counts and clock must outlive this.
    CapacityEstimator(const StoreOptions& real, const HitCounts& counts, const spi::Clock& clock);
    ~CapacityEstimator() override;

    /// Of the keys that it wants to hear of. Falls at any time, rises by set_bounds and tune.
    std::uint64_t sample_below() const noexcept { return below_.load(std::memory_order_relaxed); }

    void on_hit(const detail::Entry& entry) noexcept override;
    void on_miss(std::uint64_t hash) noexcept override;
    void on_insert(const detail::Entry& entry) noexcept override;
    void on_erase(std::uint64_t hash) noexcept override;
    void on_clear() noexcept override;

    void set_bounds(std::uint64_t max_entries, std::uint64_t max_weight);
    void set_eviction(Eviction eviction);

    /// Tells how much a store that is bounded by weight only holds of it.
    void tune(std::uint64_t entries, std::uint64_t weight);

    /// Empty while too little was seen.
    std::optional<CapacityEstimates> estimates() const;

private:
    static constexpr std::size_t shadow_count = 4;
    static constexpr std::size_t same = 1; ///< which of them has the capacity of the real store

    struct Totals {
        double accesses = 0;
        double misses = 0;
    };

    static std::uint64_t wanted_entries(std::uint64_t capacity) noexcept;
    std::uint64_t expected_capacity() const noexcept;
    std::uint64_t scaled(std::uint64_t bound, std::size_t shadow) const noexcept;
    void rebuild();
    void see(std::uint64_t hash, const detail::Entry* found) noexcept;
    void put(Store& shadow, const detail::Entry& entry) noexcept;
    Totals since_halved() const noexcept;
    void halve() noexcept;

    const HitCounts& counts_;
    const spi::Clock& clock_;
    const bool slides_;
    std::atomic<std::uint64_t> below_{0};
    std::atomic<std::uint64_t> held_by_all_{0}; ///< the key seen last, if all had it; 0: none

    mutable std::mutex mutex_;   ///< guards all below
    StoreOptions options_;       ///< of the real store, as they are now; no tap, no listener
    std::uint64_t capacity_ = 0; ///< of the real store in entries, known or estimated
    std::array<std::unique_ptr<Store>, shadow_count> shadows_;
    std::array<double, shadow_count> misses_{};
    boost::unordered_flat_set<std::uint64_t> missed_; ///< keys that the real store missed, and nobody put there since
    std::uint64_t seen_ = 0;                          ///< since the counts were halved
    std::uint64_t window_ = 0;
    Totals totals_;      ///< of the real store, halved with the counts
    Totals read_totals_; ///< what its counters showed then
};

} // namespace tiercel::memory
