#pragma once

#include "memory/adaptive_body.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace tiercel::memory {

/// Tries candidate tunings of adaptive on the requests of a store, and says which does best lately.
///
/// Each candidate runs in a shadow: a cache of fingerprints only, of the store's capacity scaled down by a power of
/// two, that is told of the requests for as large a part of the keys, chosen by hash (Waldspurger, Park, Garthwaite,
/// Ahmad, "Efficient MRC construction with SHARDS", FAST 2015). What counts are the requests on which two shadows
/// differ: what they share in luck is the same for both. Another candidate becomes the choice when these speak for it
/// by more than their standard deviation, of the differing requests that were not forgotten; they are forgotten
/// exponentially.
///
/// Thread safety: all members may be called concurrently. choice() and sample() read one word; observe() drops the
/// request if another thread is in the duel.
/// Errors: only make_ready() throws.
/// Cost: 70 bytes for each entry of a shadow, of which there are at most as many as the store's and at most 400, or
/// from 102,400 entries of the store on a 256th, but at most 1024.
class Duel {
public:
    static constexpr std::array<Tuning, 5> candidates = {{{10, 8}, {1, 8}, {1, 1}, {30, 8}, {70, 8}}};

    Duel();
    ~Duel();
    Duel(const Duel&) = delete;
    Duel& operator=(const Duel&) = delete;

    /// A part of the store changes its capacity, in entries. The shadows follow when the sum has moved by half.
    void change_part(std::uint64_t from, std::uint64_t to) noexcept;

    /// Sees to shadows that fit the store; without them, nothing is observed. Almost always only a look.
    void make_ready() {
        if (!is_ready_.load(std::memory_order_acquire)) make_shadows();
    }

    /// A request for a key, found or not. Which are of the sample it sees for itself.
    void observe(std::uint64_t hash) noexcept {
        if ((hash & sample()) == 0) observe_sampled(hash);
    }

    const Tuning& choice() const noexcept { return candidates[choice_.load(std::memory_order_relaxed)]; }

    /// Keys whose hash has none of these bits are observed.
    std::uint64_t sample() const noexcept { return sample_.load(std::memory_order_relaxed); }

    std::size_t bytes() const;

private:
    class Shadow;

    void make_shadows();
    void observe_sampled(std::uint64_t hash) noexcept;
    void decide() noexcept;

    // Read by everybody, seldom written.
    std::atomic<std::uint64_t> sample_;
    std::atomic<std::uint32_t> choice_{0};
    std::atomic<bool> is_ready_{false};

    alignas(64) mutable std::mutex mutex_; ///< guards all below, and writing the above
    std::uint64_t capacity_ = 0;           ///< of all parts
    std::uint64_t made_for_ = 0;           ///< the capacity that the shadows stand for
    std::vector<Shadow> shadows_;          ///< one for each candidate, or none
    /// [i][j]: requests that i found and j did not, forgotten little by little.
    std::array<std::array<double, candidates.size()>, candidates.size()> wins_{};
    std::uint32_t undecided_ = 0; ///< requests since the last decision
    std::uint32_t period_ = 1;    ///< between decisions, in requests
    double forget_ = 1;           ///< what a decision leaves of the wins
};

} // namespace tiercel::memory
