#pragma once

#include <tiercel/detail/entry.hpp>
#include <tiercel/eviction.hpp>
#include <tiercel/removal.hpp>
#include <tiercel/spi/clock.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tiercel::memory {

using detail::EntryPtr;
using detail::KeyRef;

struct StoreOptions {
    std::uint64_t max_entries = 0; ///< 0: no bound by entries
    std::uint64_t max_weight = 0;  ///< 0: no bound by weight
    Eviction eviction = eviction::lru();
    std::uint32_t shards = 0; ///< power of two; 0: chosen from the bound and the machine
    std::optional<std::chrono::nanoseconds> expire_after_access; ///< sliding expiry; empty: none
    detail::KeyEqual key_equal = nullptr;
    /// Called outside all locks, once for each departure. Must not throw.
    std::function<void(const detail::Entry&, RemovalCause)> on_removal;
};

struct StoreStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t inserts = 0;
    std::uint64_t fenced = 0;    ///< inserts dropped because their key was invalidated since their load began
    std::uint64_t too_heavy = 0; ///< inserts refused because they outweigh a whole shard
    std::uint64_t entries = 0;
    std::uint64_t weight = 0;
    std::array<std::uint64_t, removal_cause_count> removals{};
};

enum class Insert : std::uint8_t { stored, fenced, too_heavy, closed };

/// The memory tier: a sharded table of entries, an eviction policy and an expiry wheel for each shard.
/// Thread safety: all members may be called concurrently. A shard's lock is held for O(1) work, never across user code
/// other than key equality.
/// Errors: none; never throws except std::bad_alloc from insert.
class Store {
public:
    /// `clock` must outlive the store.
    Store(StoreOptions options, const spi::Clock& clock);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// The live entry of `key`, counted as a hit and a use; null (a counted miss) when there is none or it has expired.
    EntryPtr find(KeyRef key) noexcept;

    /// The same without counting or using.
    EntryPtr peek(KeyRef key) const noexcept;

    /// Publishes `entry` unless `fence` is above `began`, replacing an entry of the same key and evicting as needed.
    /// The fence is read under the shard's lock: whoever raises it and then erases the key leaves nothing older behind.
    Insert insert(EntryPtr entry, const std::atomic<std::uint64_t>& fence, std::uint64_t began);

    /// True if an entry was there.
    bool erase(KeyRef key, RemovalCause cause = RemovalCause::explicit_);

    void clear(RemovalCause cause = RemovalCause::explicit_);

    /// Removes what has expired by now: amortised O(1) an entry. Called from a timer; inserts do a little of it too.
    void expire();

    /// True once any entry with an expiry has been inserted: then expire() is worth calling.
    bool expires_entries() const noexcept;

    /// Removes everything (cause: closed); later inserts are refused, later finds miss.
    void close();

    StoreStats stats() const;

    std::uint32_t shard_count() const noexcept;

    /// Checks every structural invariant (each entry in one table, one policy queue, at most one wheel slot; weights
    /// and counts add up); the text of the first violation, or empty. For tests: takes every lock.
    std::string check_invariants() const;

private:
    class Shard;
    std::unique_ptr<Shard[]> shards_;
};

} // namespace tiercel::memory
