#include "memory/capacity_estimator.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

namespace tiercel::memory {

using detail::Entry;

namespace {

constexpr std::array<double, 4> factors{0.5, 1, 2, 4};

/// Keys that the smallest and the largest store have sampled for their capacity.
constexpr std::uint64_t least_keys = 64;
constexpr std::uint64_t good_keys = 128;
constexpr std::uint64_t most_keys = 2048;
/// One in this many keys: what costs next to nothing; and what is taken where that gives too few.
constexpr std::uint64_t cheap_part = 512;
constexpr std::uint64_t dear_part = 128;

/// A guess, until there is something to weigh.
constexpr std::uint64_t guessed_weight = 1024;
constexpr std::uint64_t dearest_guess = 16;

/// The sample is cut anew when it is this many times larger or smaller than it should be.
constexpr double tolerance = 4;

/// The counts are halved after this many accesses for each sampled key of the capacity.
constexpr std::uint64_t accesses_per_key = 32;
constexpr std::uint64_t least_window = 4096;
/// Sampled accesses below which there is no answer.
constexpr double least_accesses = 256;

/// The misses of a small store are told in those of the one with the real capacity, up to this many times as many.
constexpr double most_ratio = 4;

constexpr std::size_t most_missed = 1024;

/// A sampled key; there is no value.
class ShadowEntry final : public Entry {
public:
    /// Hashed anew: what is sampled has the same top bits.
    explicit ShadowEntry(std::uint64_t real_hash) : Entry(detail::mix(real_hash)), real_hash_(real_hash) {
        has_value_ = true;
    }
    const void* key() const noexcept override { return &real_hash_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }

    static bool is_of(const Entry& entry, const void* key) noexcept {
        return static_cast<const ShadowEntry&>(entry).real_hash_ == *static_cast<const std::uint64_t*>(key);
    }
    static KeyRef ref_of(const std::uint64_t& real_hash) noexcept { return {detail::mix(real_hash), &real_hash}; }

private:
    void destroy_contents() noexcept override {}

    const std::uint64_t real_hash_;
};

const std::atomic<std::uint64_t> no_fence{0};

} // namespace

CapacityEstimator::CapacityEstimator(const StoreOptions& real, const HitCounts& counts, const spi::Clock& clock)
    : counts_(counts), clock_(clock), slides_(real.expire_after_access.has_value()) {
    static_assert(factors.size() == shadow_count && factors[same] == 1);
    options_.max_entries = real.max_entries;
    options_.max_weight = real.max_weight;
    options_.eviction = real.eviction;
    options_.expire_after_access = real.expire_after_access;
    options_.holds_key = ShadowEntry::is_of;
    options_.shards = 1;
    capacity_ = expected_capacity();
    rebuild();
}

CapacityEstimator::~CapacityEstimator() = default;

std::uint64_t CapacityEstimator::wanted_entries(std::uint64_t capacity) noexcept {
    if (capacity >= good_keys * cheap_part) return std::min(capacity / cheap_part, most_keys);
    return std::min(capacity, std::clamp(capacity / dear_part, least_keys, good_keys));
}

std::uint64_t CapacityEstimator::expected_capacity() const noexcept {
    if (options_.max_entries != 0) return options_.max_entries;
    return std::max(options_.max_weight / guessed_weight, least_keys * dearest_guess);
}

std::uint64_t CapacityEstimator::scaled(std::uint64_t bound, std::size_t shadow) const noexcept {
    if (bound == 0) return 0;
    const double part = sampled_part(sample_below());
    return static_cast<std::uint64_t>(
        std::max<long long>(1, std::llround(static_cast<double>(bound) * part * factors[shadow])));
}

/// Another sample, for which nothing is known.
void CapacityEstimator::rebuild() {
    const auto entries = wanted_entries(capacity_);
    below_.store(memory::sample_below(static_cast<double>(entries) / static_cast<double>(capacity_)),
                 std::memory_order_relaxed);
    window_ = std::max(least_window, entries * accesses_per_key);
    for (std::size_t i = 0; i < shadow_count; ++i) {
        StoreOptions options = options_;
        options.max_entries = scaled(options_.max_entries, i);
        options.max_weight = scaled(options_.max_weight, i);
        shadows_[i] = std::make_unique<Store>(std::move(options), clock_);
    }
    misses_ = {};
    missed_.clear();
    missed_.reserve(most_missed);
    seen_ = 0;
    totals_ = {};
    read_totals_ = {static_cast<double>(counts_.hits() + counts_.misses()), static_cast<double>(counts_.misses())};
    held_by_all_.store(0, std::memory_order_relaxed);
}

void CapacityEstimator::on_hit(const Entry& entry) noexcept {
    if (held_by_all_.load(std::memory_order_relaxed) == entry.hash) return;
    see(entry.hash, &entry);
}

void CapacityEstimator::on_miss(std::uint64_t hash) noexcept {
    see(hash, nullptr);
}

void CapacityEstimator::see(std::uint64_t hash, const Entry* found) noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    bool all = true;
    for (std::size_t i = 0; i < shadow_count; ++i) {
        if (shadows_[i]->find(ShadowEntry::ref_of(hash)) != nullptr) continue;
        all = false;
        misses_[i] += 1;
        if (found != nullptr) put(*shadows_[i], *found);
    }
    if (found == nullptr) {
        if (missed_.size() >= most_missed) missed_.clear();
        missed_.insert(hash);
    }
    held_by_all_.store(all && found != nullptr && !slides_ ? hash : 0, std::memory_order_relaxed);
    if (++seen_ >= window_) halve();
}

void CapacityEstimator::on_insert(const Entry& entry) noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    held_by_all_.store(0, std::memory_order_relaxed);
    const bool loaded = missed_.erase(entry.hash) != 0;
    for (const auto& shadow : shadows_)
        if (!loaded || shadow->peek(ShadowEntry::ref_of(entry.hash)) == nullptr) put(*shadow, entry);
}

void CapacityEstimator::on_erase(std::uint64_t hash) noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    held_by_all_.store(0, std::memory_order_relaxed);
    missed_.erase(hash);
    for (const auto& shadow : shadows_)
        shadow->erase(ShadowEntry::ref_of(hash));
}

void CapacityEstimator::on_clear() noexcept {
    const std::lock_guard lock(mutex_);
    held_by_all_.store(0, std::memory_order_relaxed);
    missed_.clear();
    try {
        for (const auto& shadow : shadows_)
            shadow->clear();
    } catch (const std::bad_alloc&) { // they forget later, by evicting
    }
}

void CapacityEstimator::put(Store& shadow, const Entry& entry) noexcept {
    try {
        EntryPtr fresh(new ShadowEntry(entry.hash));
        fresh->weight = entry.weight;
        fresh->expires = entry.expires;
        shadow.insert(std::move(fresh), no_fence, 0);
    } catch (const std::bad_alloc&) { // one key less in the sample
    }
}

CapacityEstimator::Totals CapacityEstimator::since_halved() const noexcept {
    const auto misses = static_cast<double>(counts_.misses());
    const auto accesses = static_cast<double>(counts_.hits()) + misses;
    return {accesses - read_totals_.accesses, misses - read_totals_.misses};
}

void CapacityEstimator::halve() noexcept {
    const auto recent = since_halved();
    read_totals_.accesses += recent.accesses;
    read_totals_.misses += recent.misses;
    totals_.accesses = (totals_.accesses + recent.accesses) / 2;
    totals_.misses = (totals_.misses + recent.misses) / 2;
    for (double& misses : misses_)
        misses /= 2;
    seen_ = 0;
    if (options_.max_entries != 0) return;
    const auto held = static_cast<double>(shadows_[same]->stats().entries);
    if (held < tolerance * static_cast<double>(most_keys)) return;
    capacity_ = static_cast<std::uint64_t>(held / sampled_part(sample_below()));
    try {
        rebuild();
    } catch (const std::bad_alloc&) {
        below_.store(0, std::memory_order_relaxed);
    }
}

void CapacityEstimator::set_bounds(std::uint64_t max_entries, std::uint64_t max_weight) {
    const std::lock_guard lock(mutex_);
    options_.max_entries = max_entries;
    options_.max_weight = max_weight;
    capacity_ = expected_capacity();
    const double wanted = static_cast<double>(wanted_entries(capacity_));
    const double sampled = static_cast<double>(capacity_) * sampled_part(sample_below());
    if (sampled > tolerance * wanted || sampled < wanted / tolerance) return rebuild();
    for (std::size_t i = 0; i < shadow_count; ++i)
        shadows_[i]->set_bounds(scaled(max_entries, i), scaled(max_weight, i));
}

void CapacityEstimator::set_eviction(Eviction eviction) {
    const std::lock_guard lock(mutex_);
    options_.eviction = eviction;
    for (const auto& shadow : shadows_)
        shadow->set_eviction(eviction);
}

void CapacityEstimator::tune(std::uint64_t entries, std::uint64_t weight) {
    const std::lock_guard lock(mutex_);
    if (options_.max_entries != 0 || entries == 0 || weight < options_.max_weight / 2) return;
    const double held =
        static_cast<double>(entries) * static_cast<double>(options_.max_weight) / static_cast<double>(weight);
    const double wanted = static_cast<double>(wanted_entries(static_cast<std::uint64_t>(held)));
    const double sampled = held * sampled_part(sample_below());
    if (sampled <= tolerance * wanted && sampled >= wanted / tolerance) return;
    capacity_ = static_cast<std::uint64_t>(held);
    rebuild();
}

std::optional<CapacityEstimates> CapacityEstimator::estimates() const {
    const std::lock_guard lock(mutex_);
    const auto recent = since_halved();
    const double accesses = totals_.accesses + recent.accesses;
    const double sampled = accesses * sampled_part(sample_below());
    if (sampled < least_accesses) return std::nullopt;
    const double missed = (totals_.misses + recent.misses) / accesses;
    const auto hit_ratio = [&](std::size_t shadow) {
        const bool comparable = misses_[same] > 0 && misses_[shadow] <= most_ratio * misses_[same];
        const double misses = comparable ? missed * misses_[shadow] / misses_[same]
                                         : missed + (misses_[shadow] - misses_[same]) / sampled;
        return std::clamp(1 - misses, 0.0, 1.0);
    };
    return CapacityEstimates{hit_ratio(same), hit_ratio(0), hit_ratio(2), hit_ratio(3)};
}

} // namespace tiercel::memory
