#include "memory/store.hpp"

#include "memory/departures.hpp"
#include "memory/shard.hpp"
#include "memory/table.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <thread>
#include <utility>

namespace tiercel::memory {
namespace {

constexpr std::uint64_t no_bound = std::numeric_limits<std::uint64_t>::max();

/// Above the table's tag bits, far below its position bits.
constexpr unsigned shard_bits_at = 8;
constexpr std::uint64_t most_shards = 1U << 16;

/// Small stores are exact: one shard. Larger ones keep this much in each shard, so that keys falling unevenly on shards
/// cost little room, and so that a bound in bytes does not shut out values of some megabytes.
constexpr std::uint64_t small_store_entries = 4096;
constexpr std::uint64_t least_shard_entries = 1024;
constexpr std::uint64_t least_shard_weight = std::uint64_t{32} << 20;
constexpr std::uint64_t shards_per_core = 4;

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

std::uint64_t shard_index(std::uint64_t mixed, std::size_t shards) noexcept {
    return mixed >> shard_bits_at & (shards - 1);
}

} // namespace

Store::Store(StoreOptions options, const spi::Clock& clock)
    : on_removal_(std::move(options.on_removal)), clock_(clock), slides_(options.expire_after_access.has_value()) {
    assert(options.key_equal != nullptr);
    const std::uint32_t count = choose_shards(options);
    shards_.reserve(count);
    for (std::uint32_t index = 0; index < count; ++index)
        shards_.push_back(std::make_unique<Shard>(ShardOptions{
            .max_entries = part(options.max_entries, count, index),
            .max_weight = part(options.max_weight, count, index),
            .policy = options.eviction.kind(),
            .expiry = {slides_ ? options.expire_after_access->count() : never},
            .key_equal = options.key_equal,
            .clock = clock,
        }));
}

Store::~Store() {
    close();
}

Shard& Store::shard_of(std::uint64_t mixed_hash) const noexcept {
    return *shards_[shard_index(mixed_hash, shards_.size())];
}

EntryPtr Store::find(KeyRef key) noexcept {
    Departures departures(on_removal_);
    const Lookup lookup{key, mix(key.hash)};
    return shard_of(lookup.mixed).find(lookup, departures);
}

EntryPtr Store::peek(KeyRef key) const noexcept {
    const Lookup lookup{key, mix(key.hash)};
    return shard_of(lookup.mixed).peek(lookup);
}

Insert Store::insert(EntryPtr entry, const std::atomic<std::uint64_t>& fence, std::uint64_t began) {
    const bool can_die = slides_ || entry->expires != never;
    const std::uint64_t mixed = mix(entry->hash);
    Departures departures(on_removal_);
    const Insert outcome = shard_of(mixed).insert(std::move(entry), mixed, fence, began, departures);
    if (outcome == Insert::stored && can_die && !expires_entries()) expires_entries_.store(true);
    return outcome;
}

bool Store::erase(KeyRef key, RemovalCause cause) noexcept {
    Departures departures(on_removal_);
    const Lookup lookup{key, mix(key.hash)};
    return shard_of(lookup.mixed).erase(lookup, cause, departures);
}

void Store::clear(RemovalCause cause) {
    for (const auto& shard : shards_) {
        Departures departures(on_removal_);
        shard->clear(cause, departures);
    }
}

void Store::expire() noexcept {
    if (!expires_entries()) return;
    const Nanos now = detail::to_nanos(clock_.now());
    for (const auto& shard : shards_) {
        for (bool more = true; more;) {
            Departures departures(on_removal_);
            more = shard->expire(now, departures);
        }
    }
}

bool Store::expires_entries() const noexcept {
    return expires_entries_.load(std::memory_order_relaxed);
}

void Store::close() noexcept {
    for (const auto& shard : shards_) {
        Departures departures(on_removal_);
        shard->close(departures);
    }
}

StoreStats Store::stats() const {
    StoreStats stats;
    for (const auto& shard : shards_)
        shard->add_to(stats);
    return stats;
}

std::uint32_t Store::shard_count() const noexcept {
    return static_cast<std::uint32_t>(shards_.size());
}

std::string Store::check_invariants() const {
    for (std::size_t index = 0; index < shards_.size(); ++index) {
        const auto belongs = [&](std::uint64_t hash) { return shard_index(mix(hash), shards_.size()) == index; };
        if (std::string broken = shards_[index]->check_invariants(belongs); !broken.empty())
            return "shard " + std::to_string(index) + ": " + broken;
    }
    return {};
}

} // namespace tiercel::memory
