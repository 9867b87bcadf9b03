#include "memory/frequency_sketch.hpp"
#include "memory/queue_policy.hpp"

#include <tiercel/eviction.hpp>
#include <tiercel/hash.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tiercel::memory {
namespace {

constexpr double initial_window = 0.01;   ///< of the capacity
constexpr double protected_of_main = 0.8; ///< at the initial window; the window grows at the cost of protected_
constexpr double first_step = 0.0625;     ///< of the capacity
constexpr double step_decay = 0.98;
constexpr double restart_at_change = 0.05;   ///< of the hit ratio, from one sample to the next
constexpr std::uint64_t telling_hits = 32;   ///< in two samples; with fewer, their difference is chance
constexpr std::size_t moves_per_insert = 64; ///< between the queues, to follow a change of their sizes
constexpr std::size_t least_sketch = 4096;   ///< entries
constexpr unsigned warm = 6;                 ///< uses from which on a candidate that lost may be lucky
constexpr std::uint64_t luck = 127;          ///< one in 128

/// Three queues by last use. New keys go to `window`. Who falls out of it is a candidate for the rest of the room, and
/// is held against who would leave there, the oldest of `probation`: the one used more often by the sketch stays. Used
/// in `probation`, a key moves to `protected_`, and from there back when that is too long.
///
/// The adaptive kind climbs: every ten times the capacity of requests it takes the window's size a step on if the hit
/// ratio rose, and back if it fell, in steps that shrink until the hit ratio changes much.
///
/// Invariants: an entry is in the queue that its place names; the maxima of window and protected_ and probation's share
/// add up to the capacity.
class WTinyLfu final : public Policy {
public:
    explicit WTinyLfu(bool adaptive) : adaptive_(adaptive) {}

    Uses uses() const noexcept override { return {.told = Uses::Told::all}; }

    void set_capacity(std::uint64_t entries) override {
        is_bounded_ = entries != 0;
        if (is_bounded_) fit(entries);
    }

    void prepare(std::uint64_t hash) override {
        if (!is_bounded_) fit(std::max<std::size_t>(queues_.size(), 1));
        fit_sketch();
        sketch_.count(hash);
        ++misses_;
    }

    void on_insert(Entry& entry) noexcept override {
        queues_.join(window, entry);
        if (queues_.size(window) > window_most_) move_first(window, probation);
        if (adaptive_) climb();
        follow_sizes();
    }

    void on_hit(Entry& entry) noexcept override {
        ++hits_;
        sketch_.count(entry.hash);
        queues_.leave(entry);
        queues_.join(entry.place == window ? window : protected_, entry);
        if (queues_.size(protected_) > protected_most_) move_first(protected_, probation);
    }

    void on_replace(Entry& old, Entry& fresh) noexcept override { queues_.replace(old, fresh); }

    void on_remove(Entry& entry, Exit) noexcept override { queues_.leave(entry); }

    Entry* victim(const Entry* spared) noexcept override {
        Entry* const candidate = queues_.size(window) >= window_most_ ? queues_.first_but(window, spared) : nullptr;
        Entry* const oldest = queues_.first_but(probation, spared);
        if (candidate != nullptr && (oldest == nullptr || !admits(*candidate, *oldest))) return candidate;
        if (candidate != nullptr) {
            queues_.leave(*candidate);
            queues_.join(probation, *candidate);
        }
        if (oldest != nullptr) return oldest;
        Entry* const demoted = queues_.first_but(protected_, spared);
        return demoted != nullptr ? demoted : queues_.first_but(window, spared);
    }

    std::string walk(const std::function<void(const Entry&)>& visit) const override {
        if (std::string broken = queues_.walk(visit); !broken.empty()) return broken;
        if (window_most_ + protected_most_ > capacity_) return "w_tinylfu: the maxima are beyond the capacity";
        return {};
    }

private:
    enum Place : std::uint32_t { window, probation, protected_ };

    void move_first(Place from, Place to) noexcept {
        Entry& entry = queues_[from].front();
        queues_.leave(entry);
        queues_.join(to, entry);
    }

    /// Whether the candidate rather than the oldest is to stay. Keys that collide with a victim in the sketch could
    /// shut everybody out; hence some luck for those who are used.
    bool admits(const Entry& candidate, const Entry& oldest) noexcept {
        const unsigned frequency = sketch_.frequency(candidate.hash);
        if (frequency > sketch_.frequency(oldest.hash)) return true;
        return frequency >= warm && (detail::mix(candidate.hash + ++refusals_) & luck) == 0;
    }

    void fit(std::size_t capacity) noexcept {
        if (capacity == capacity_) return;
        capacity_ = capacity;
        share_out();
    }

    /// The published policy counts from the first key on; the adaptive one when the cache is half full, as Caffeine
    /// does.
    void fit_sketch() {
        if (adaptive_ && queues_.size() < capacity_ / 2) return;
        const std::size_t bound = is_bounded_ ? capacity_ : std::numeric_limits<std::size_t>::max();
        const std::size_t needed = std::min(queues_.size() + 1, bound);
        const std::size_t ample = std::min(std::max(2 * needed, least_sketch), bound);
        if (sketch_.entries() < needed || sketch_.entries() / 8 > ample) sketch_.fit(ample);
        sketch_.set_period(sample());
    }

    /// Requests from one halving of the sketch to the next, and from one step of the climber to the next.
    std::uint64_t sample() const noexcept { return 10 * std::uint64_t{capacity_}; }

    /// That share of the capacity in entries, rounded up.
    std::size_t entries(double share) const noexcept {
        constexpr double rounding = 1e-6; // of the share, which may be a quotient
        return static_cast<std::size_t>(std::ceil(static_cast<double>(capacity_) * share - rounding));
    }

    /// Sets the maxima from the window's share.
    void share_out() noexcept {
        const std::size_t main = capacity_ - entries(initial_window);
        const std::size_t in_probation = main - static_cast<std::size_t>(static_cast<double>(main) * protected_of_main);
        const std::size_t most = std::max<std::size_t>(capacity_ - in_probation, 1);
        window_most_ = std::clamp<std::size_t>(entries(std::max(window_, 0.0)), 1, most);
        protected_most_ = most - window_most_;
        is_following_ = true;
    }

    void climb() noexcept {
        if (sketch_.entries() == 0) hits_ = misses_ = 0;
        const std::uint64_t requests = hits_ + misses_;
        if (requests == 0 || requests < sample()) return;
        const double ratio = static_cast<double>(hits_) / static_cast<double>(requests);
        const double change = ratio - ratio_before_;
        const bool tells = hits_ + hits_before_ >= telling_hits;
        ratio_before_ = ratio;
        hits_before_ = hits_;
        hits_ = misses_ = 0;
        if (!tells) return;

        const double amount = change >= 0 ? step_ : -step_;
        step_ = std::abs(change) >= restart_at_change ? std::copysign(first_step, amount) : step_decay * amount;
        // In whole entries, towards none: with steps below that, a window of a few entries would wander.
        const auto capacity = static_cast<double>(capacity_);
        window_ = (static_cast<double>(window_most_) + std::trunc(amount * capacity)) / capacity;
        share_out();
    }

    /// Moves entries between window and main, a few at a time, until the queues are as long as they may be.
    void follow_sizes() noexcept {
        for (std::size_t left = moves_per_insert; is_following_ && left != 0; --left) {
            if (queues_.size(protected_) > protected_most_) {
                move_first(protected_, probation);
            } else if (queues_.size(window) > window_most_) {
                move_first(window, probation);
            } else if (queues_.size(window) < window_most_ && queues_.size() >= capacity_ &&
                       queues_.size(probation) != 0) {
                move_first(probation, window);
            } else {
                is_following_ = false;
            }
        }
    }

    const bool adaptive_;
    bool is_bounded_ = false;
    bool is_following_ = false;
    PlacedQueues<3> queues_;
    std::size_t capacity_ = 1;
    std::size_t window_most_ = 1;
    std::size_t protected_most_ = 0;
    double window_ = initial_window; ///< share of the capacity

    FrequencySketch sketch_;
    std::uint64_t refusals_ = 0;

    // The climber's.
    std::uint64_t hits_ = 0; ///< in this sample
    std::uint64_t misses_ = 0;
    std::uint64_t hits_before_ = 0; ///< in the one before
    double ratio_before_ = 0;
    double step_ = -first_step;
};

template <bool adaptive>
std::unique_ptr<Policy> make() {
    return std::make_unique<WTinyLfu>(adaptive);
}

constexpr PolicyKind w_tinylfu_kind{"w_tinylfu", make<true>};
constexpr PolicyKind w_tinylfu_fixed_kind{"w_tinylfu_fixed", make<false>};

} // namespace
} // namespace tiercel::memory

tiercel::Eviction tiercel::eviction::w_tinylfu() {
    return Eviction(memory::w_tinylfu_kind);
}

tiercel::Eviction tiercel::eviction::w_tinylfu_fixed() {
    return Eviction(memory::w_tinylfu_fixed_kind);
}
