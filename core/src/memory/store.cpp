#include "memory/store.hpp"

#include "memory/access_tap.hpp"
#include "memory/capacity_estimator.hpp"
#include "memory/departures.hpp"
#include "memory/epochs.hpp"
#include "memory/hit_counts.hpp"
#include "memory/shard.hpp"
#include "memory/table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cassert>
#include <memory>
#include <thread>
#include <utility>

namespace tiercel::memory {
namespace {

/// Apart from the bits that samples are taken by.
constexpr unsigned shard_bits_at = 8;
constexpr std::uint64_t most_shards = 1U << 16;

/// Small stores are exact: one shard. Larger ones keep this much in each shard, so that keys falling unevenly on shards
/// cost little room, and so that a bound in bytes does not shut out values of some megabytes.
constexpr std::uint64_t small_store_entries = 4096;
constexpr std::uint64_t least_shard_entries = 1024;
constexpr std::uint64_t least_shard_weight = std::uint64_t{32} << 20;
constexpr std::uint64_t shards_per_core = 16;

/// Keys whose memory accesses are under way together in find_many.
constexpr std::size_t batch = 16;

std::uint32_t choose_shards(const StoreOptions& options) {
    const std::uint64_t entries = options.max_entries == 0 ? no_bound : options.max_entries;
    const std::uint64_t weight = options.max_weight == 0 ? no_bound : options.max_weight;
    std::uint64_t shards = options.shards;
    if (shards != 0) {
        shards = std::min({shards, entries, weight, most_shards});
    } else if (entries > small_store_entries) {
        const std::uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
        shards = std::min({std::bit_ceil(cores) * shards_per_core, entries / least_shard_entries,
                           weight / least_shard_weight, most_shards});
    }
    return static_cast<std::uint32_t>(std::bit_floor(std::max<std::uint64_t>(shards, 1)));
}

/// Part `index` of a bound split over `count`: the parts add up to the bound.
std::uint64_t part(std::uint64_t bound, std::uint32_t count, std::uint32_t index) {
    if (bound == 0) return no_bound;
    return bound / count + (index < bound % count ? 1 : 0);
}

} // namespace

struct Store::Shards {
    Shards(std::uint32_t number, const StoreOptions& options, const spi::Clock& clock)
        : count(number), first(std::allocator<Shard>().allocate(number)) {
        try {
            for (; made < count; ++made)
                std::construct_at(
                    first + made,
                    ShardOptions{
                        .max_entries = part(options.max_entries, count, made),
                        .max_weight = part(options.max_weight, count, made),
                        .policy = &options.eviction.kind(),
                        .first = made == 0 ? nullptr : first->policy(),
                        .expiry = {.after_access =
                                       options.expire_after_access ? options.expire_after_access->count() : never,
                                   .keep_stale = options.keep_stale.count()},
                        .holds_key = options.holds_key,
                        .clock = &clock,
                    });
        } catch (...) {
            destroy();
            throw;
        }
        ask_uses();
    }
    ~Shards() { destroy(); }
    Shards(const Shards&) = delete;
    Shards& operator=(const Shards&) = delete;

    std::size_t index_of(std::uint64_t hash) const noexcept { return hash >> shard_bits_at & (count - 1); }
    Shard& of(std::uint64_t hash) const noexcept { return first[index_of(hash)]; }
    /// They may depend on what all shards' policies have in common.
    void ask_uses() noexcept {
        for (Shard& shard : *this)
            shard.ask_uses();
    }

    Shard* begin() const noexcept { return first; }
    Shard* end() const noexcept { return first + count; }

    const std::uint32_t count; ///< a power of two
    Shard* const first;
    std::uint32_t made = 0;

private:
    void destroy() noexcept {
        std::destroy_n(first, made);
        std::allocator<Shard>().deallocate(first, count);
    }
};

struct Store::Taps {
    Taps(const StoreOptions& options, const HitCounts& counts, const spi::Clock& clock)
        : tap(options.tap), tap_below(tap != nullptr ? sample_below(options.tapped_part) : 0) {
        if (options.estimate_capacities) estimator = std::make_unique<CapacityEstimator>(options, counts, clock);
    }

    static std::unique_ptr<Taps> make(const StoreOptions& options, const HitCounts& counts, const spi::Clock& clock) {
        if (options.tap == nullptr && !options.estimate_capacities) return nullptr;
        return std::make_unique<Taps>(options, counts, clock);
    }

    std::uint64_t below() const noexcept {
        return std::max(tap_below, estimator != nullptr ? estimator->sample_below() : 0);
    }

    /// Calls `event` with each who hears of that key.
    template <class Event>
    void tell(std::uint64_t hash, const Event& event) const noexcept {
        if (is_sampled(hash, tap_below)) event(*tap);
        if (estimator != nullptr && is_sampled(hash, estimator->sample_below())) event(*estimator);
    }
    void looked(std::uint64_t hash, const Entry* found) const noexcept {
        tell(hash, [&](AccessTap& who) { found != nullptr ? who.on_hit(*found) : who.on_miss(hash); });
    }

    const std::shared_ptr<AccessTap> tap;
    const std::uint64_t tap_below;
    std::unique_ptr<CapacityEstimator> estimator; ///< null unless asked for
};

Store::Store(StoreOptions options, const spi::Clock& clock)
    : on_removal_(std::move(options.on_removal)),
      clock_(clock),
      slides_(options.expire_after_access.has_value()),
      counts_(std::make_unique<HitCounts>()),
      shards_(std::make_unique<Shards>(choose_shards(options), options, clock)),
      taps_(Taps::make(options, *counts_, clock)) {
    assert(options.holds_key != nullptr);
    if (taps_ != nullptr) tapped_below_.store(taps_->below(), std::memory_order_relaxed);
}

Store::~Store() {
    close();
}

/// Relaxed: a change of the sample that is seen late costs its precision a few keys.
inline bool Store::is_tapped(std::uint64_t hash) const noexcept {
    return is_sampled(hash, tapped_below_.load(std::memory_order_relaxed));
}

/// Outside any pin: the listener is somebody's code.
bool Store::drop_dead(EntryPtr& dead) noexcept {
    Departures departures(on_removal_);
    const bool was_there = shards_->of(dead->hash).drop_dead(*dead, departures);
    dead.reset();
    return was_there;
}

/// Whoever met a dead entry that was no longer there looks again: a put has put another in its place.
inline EntryPtr Store::look(KeyRef key) noexcept {
    for (;;) {
        bool is_fresh = true;
        bool is_dead = false;
        EntryPtr entry = [&] {
            const Epochs::Pin pin;
            Shard& shard = shards_->of(key.hash);
            EntryPtr found = shard.table().find(key);
            if (found != nullptr && !shard.use(*found)) [[unlikely]] {
                is_fresh = false;
                is_dead = !shard.keeps(*found);
            }
            if (!is_dead) counts_->add(pin.thread_number(), found != nullptr && is_fresh);
            return found;
        }();
        if (is_fresh) [[likely]]
            return entry;
        if (!is_dead) return nullptr;
        if (drop_dead(entry)) {
            count_miss();
            return nullptr;
        }
    }
}

void Store::count_miss() noexcept {
    const Epochs::Pin pin;
    counts_->add(pin.thread_number(), false);
}

EntryPtr Store::find(KeyRef key) noexcept {
    EntryPtr entry = look(key);
    if (is_tapped(key.hash)) [[unlikely]]
        taps_->looked(key.hash, entry.get());
    return entry;
}

void Store::find_many(std::span<const KeyRef> keys, EntryPtr* found) noexcept {
    for (; !keys.empty(); keys = keys.subspan(std::min(batch, keys.size())), found += batch) {
        const auto some = keys.first(std::min(batch, keys.size()));
        std::bitset<batch> dead;
        std::bitset<batch> stale;
        {
            const Epochs::Pin pin;
            std::array<Shard*, batch> shards;
            std::array<Table::Place, batch> places;
            std::array<Entry*, batch> candidates;
            for (std::size_t i = 0; i < some.size(); ++i) {
                shards[i] = &shards_->of(some[i].hash);
                places[i] = shards[i]->table().place_of(some[i].hash);
                places[i].prefetch();
            }
            for (std::size_t i = 0; i < some.size(); ++i)
                candidates[i] = places[i].candidate();
            std::uint64_t hits = 0;
            for (std::size_t i = 0; i < some.size(); ++i) {
                auto entry = shards[i]->table().find(some[i], candidates[i]);
                const bool alive = entry != nullptr && shards[i]->use(*entry);
                hits += alive ? 1 : 0;
                if (entry != nullptr && !alive) [[unlikely]]
                    (shards[i]->keeps(*entry) ? stale : dead).set(i);
                found[i].swap(entry);
            }
            counts_->add(pin.thread_number(), hits, some.size() - hits - dead.count());
        }
        for (std::size_t i = 0; (dead | stale).any() && i < some.size(); ++i) {
            if (stale.test(i)) found[i].reset(); // outside the pin: it may be the last reference
            if (!dead.test(i)) continue;
            if (drop_dead(found[i])) {
                count_miss();
            } else {
                found[i] = look(some[i]);
            }
        }
        if (tapped_below_.load(std::memory_order_relaxed) == 0) continue;
        for (std::size_t i = 0; i < some.size(); ++i)
            if (is_tapped(some[i].hash)) taps_->looked(some[i].hash, found[i].get());
    }
}

EntryPtr Store::peek(KeyRef key) const noexcept {
    return shards_->of(key.hash).peek(key);
}

EntryPtr Store::use_stale(KeyRef key) noexcept {
    return shards_->of(key.hash).use_stale(key);
}

Insert Store::insert(EntryPtr entry, const std::atomic<std::uint64_t>& fence, std::uint64_t began) {
    const bool can_die = slides_ || entry->expires != never;
    Departures departures(on_removal_);
    Shard& shard = shards_->of(entry->hash);
    const EntryPtr tapped = is_tapped(entry->hash) ? entry : nullptr;
    const Insert outcome = shard.insert(std::move(entry), fence, began, departures);
    if (tapped != nullptr && outcome == Insert::stored)
        taps_->tell(tapped->hash, [&](AccessTap& who) { who.on_insert(*tapped); });
    if (outcome == Insert::stored && can_die && !expires_entries()) expires_entries_.store(true);
    return outcome;
}

bool Store::erase(KeyRef key, RemovalCause cause) noexcept {
    Departures departures(on_removal_);
    const bool was_there = shards_->of(key.hash).erase(key, cause, departures);
    if (is_tapped(key.hash)) taps_->tell(key.hash, [&](AccessTap& who) { who.on_erase(key.hash); });
    return was_there;
}

void Store::clear(RemovalCause cause) {
    for (Shard& shard : *shards_) {
        Departures departures(on_removal_);
        shard.clear(cause, departures);
    }
    if (taps_ == nullptr) return;
    if (taps_->tap != nullptr) taps_->tap->on_clear();
    if (taps_->estimator != nullptr) taps_->estimator->on_clear();
}

void Store::expire() noexcept {
    if (!expires_entries()) return;
    const Nanos now = detail::to_nanos(clock_.now());
    for (Shard& shard : *shards_) {
        for (bool more = true; more;) {
            Departures departures(on_removal_);
            more = shard.expire(now, departures);
        }
    }
}

bool Store::expires_entries() const noexcept {
    return expires_entries_.load(std::memory_order_relaxed);
}

void Store::close() noexcept {
    for (Shard& shard : *shards_) {
        Departures departures(on_removal_);
        shard.close(departures);
    }
}

void Store::set_bounds(std::uint64_t max_entries, std::uint64_t max_weight) {
    const std::uint32_t count = shards_->count;
    if (max_entries != 0) max_entries = std::max<std::uint64_t>(max_entries, count);
    if (max_weight != 0) max_weight = std::max<std::uint64_t>(max_weight, count);
    for (std::uint32_t index = 0; index < count; ++index) {
        for (bool more = true; more;) {
            Departures departures(on_removal_);
            more = !shards_->first[index].set_bounds(part(max_entries, count, index), part(max_weight, count, index),
                                                     departures);
        }
    }
    shards_->ask_uses();
    if (taps_ == nullptr || taps_->estimator == nullptr) return;
    taps_->estimator->set_bounds(max_entries, max_weight);
    tapped_below_.store(taps_->below(), std::memory_order_relaxed);
}

void Store::set_eviction(Eviction eviction) {
    const auto first = eviction.kind().make();
    for (Shard& shard : *shards_) {
        Departures departures(on_removal_);
        shard.set_policy(eviction.kind(), first.get(), departures);
    }
    shards_->ask_uses();
    if (taps_ != nullptr && taps_->estimator != nullptr) taps_->estimator->set_eviction(eviction);
}

StoreStats Store::stats() const {
    StoreStats stats;
    stats.hits = counts_->hits();
    stats.misses = counts_->misses();
    for (const Shard& shard : *shards_)
        shard.add_to(stats);
    if (taps_ != nullptr && taps_->estimator != nullptr) {
        taps_->estimator->tune(stats.entries, stats.weight);
        tapped_below_.store(taps_->below(), std::memory_order_relaxed);
        stats.estimates = taps_->estimator->estimates();
    }
    return stats;
}

std::uint32_t Store::shard_count() const noexcept {
    return shards_->count;
}

std::string Store::check_invariants() const {
    for (std::size_t index = 0; index < shards_->count; ++index) {
        const auto belongs = [&](std::uint64_t hash) { return shards_->index_of(hash) == index; };
        if (std::string broken = shards_->first[index].check_invariants(belongs); !broken.empty())
            return "shard " + std::to_string(index) + ": " + broken;
    }
    return {};
}

} // namespace tiercel::memory
