#pragma once

#include <tiercel/detail/callback.hpp>
#include <tiercel/event.hpp>
#include <tiercel/eviction.hpp>
#include <tiercel/handle.hpp>
#include <tiercel/loader.hpp>
#include <tiercel/removal.hpp>
#include <tiercel/result.hpp>
#include <tiercel/write_behind.hpp>
#include <tiercel/writer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tiercel {

namespace spi {
class Backend;
class Compressor;
class Runtime;
} // namespace spi

/// The in-process tier.
template <class K, class V>
struct MemoryOptions {
    /// Most entries; 0: no bound by entries, which then needs `max_weight`.
    std::uint64_t max_entries = 10'000;
    /// Most weight, in the weigher's unit (usually bytes); 0: no bound by weight. Needs `weigher`.
    std::uint64_t max_weight = 0;
    /// The weight of an entry; called once for each value, outside all locks. One that throws makes the entry
    /// uncacheable in memory. A heavier entry than the bound is not held.
    detail::Callback<std::uint64_t(const K&, const V&)> weigher = {};
    Eviction eviction = eviction::adaptive();
    /// Parts with a lock and an eviction order each: a power of two; 0: chosen from the bounds and the machine.
    std::uint32_t shards = 0;
    /// Most life in memory, below the value's own (a short L1 over a long L2). Empty: no cap. Must be positive.
    std::optional<std::chrono::nanoseconds> max_ttl = {};
    /// Called once for each value that leaves memory, outside all locks, on the thread that caused it.
    /// What it throws is counted and dropped.
    detail::Callback<void(const K&, const Handle<V>&, RemovalCause)> on_removal = {};
    /// Whether stats().memory.estimates says what half, twice and four times the capacity would hit, under the policy
    /// in use: from a sample of the keys, followed in four small caches of keys. Good for some points of hit ratio, not
    /// under `lfu` and `mru`, which cannot be scaled down. The cost is told in core/src/memory/README.md.
    bool estimate_capacities = false;
};

/// A file of what the memory tier is asked, to run tiercel-lab on: a trace of one line a lookup, in the order of the
/// lookups, with the hash of the key as a decimal number and, if the cache has a weigher, the weight of its entry after
/// a blank (0 where nothing was there, nor put there soon after).
///
/// Written behind the lookups, by the runtime's worker threads, some thousand lines at a time, and by close(). A lookup
/// never waits for the file: when both buffers are full, it is not recorded but counted (stats().recording). Nor is it
/// when writing fails later: then the recording ends, and the cache goes on.
/// Hashes are not salted: who can guess a key can tell whether it is in the file.
struct RecordAccessesOptions {
    /// Empty: nothing is recorded. A file that is there is replaced; each cache needs its own.
    std::string path = {};
    /// Which part of the keys: of those, every lookup is recorded, of the others none. Above 0, at most 1.
    double sample = 0.01;
    /// The file grows to this and no more: it keeps the first lookups, and the rest are counted. Above 0.
    std::uint64_t max_bytes = std::uint64_t{256} << 20;
};

/// What MemoryOptions of the same names say, for a cache that runs.
struct MemoryBounds {
    std::uint64_t max_entries = 0;
    std::uint64_t max_weight = 0;
};

/// What a tier does with values that are larger, as stored, than its backend takes (Memcached: 1 MiB).
enum class LargeValues : std::uint8_t {
    /// They are not stored in this tier, and an older one is erased there; counted (TierStats::too_large).
    skip,
    /// They are stored in up to 1,024 chunks under keys of their own, with a manifest under the value's key. Needs
    /// TierOptions::max_ttl. Reading one takes a second round trip, within the same timeout. It is there as a whole or
    /// not at all: a chunk that the server evicted makes it a miss (TierStats::split_incomplete), a chunk whose server
    /// failed makes it that failure. Overwriting, erasing or clearing removes the manifest; the chunks keep their
    /// memory until their time to live is over or the server evicts them. Where the backend has no limit, nothing is
    /// ever split. Processes that skip miss what others have split. Values of more than 1,024 chunks are skipped.
    split,
};

/// When a tier that does not answer is left alone, and when it is tried again: a circuit breaker. While it is open, a
/// lookup leaves the tier out on the spot, and a write or an invalidation reports it as queued with Errc::breaker_open;
/// what the tier still holds of such a key is not believed when it is back. Probes in the background find out when that
/// is, one at a time; no caller pays for one. Which failures count is told in core/README.md.
struct BreakerOptions {
    /// Calls that fail in a row, missed replies above all, before it opens; nothing may have been answered for as long
    /// as TierOptions::timeout either. 0: it never opens.
    std::uint32_t failures = 5;
    /// From opening to the first probe. Doubles with each probe that fails. Positive, at most back_off_max.
    std::chrono::nanoseconds back_off_min = std::chrono::milliseconds(50);
    /// The longest wait between probes, and so about how long it takes to notice that the tier is back. Each wait is
    /// shortened by a random share of up to a half. At most a day.
    std::chrono::nanoseconds back_off_max = std::chrono::milliseconds(250);
};

/// Leases: of all processes that share a tier, one loads a key's value, and the others wait briefly for what it stores
/// there, or serve what is stale. They also keep out of the tier what a load has made of data that another process has
/// invalidated or written meanwhile: such a load does not store its value. Needs a backend with conditional writes (all
/// of ours), and the last place in the chain. All processes that share the tier should have them: one without loads for
/// itself, and stores what it likes. See "Leases" in core/README.md.
struct LeaseOptions {
    /// How long a load may take before another process may begin one, and so how long a process that dies while loading
    /// keeps its key from the others: give what your slowest loads take. 0: no leases. From 1 ms to an hour.
    std::chrono::nanoseconds ttl = std::chrono::nanoseconds::zero();
    /// How long a lookup waits for the load of another process. Afterwards those who accept a stale value get it; for
    /// the others their process loads for itself, and does not store that in the tier. When a process dies while
    /// loading, the others wait for the rest of its `ttl` and load once among them, if this is longer than `ttl`; if it
    /// is shorter, each loads for itself until then. 0: they do not wait. At most an hour.
    std::chrono::nanoseconds wait = std::chrono::milliseconds(500);
};

/// A backend placed in the chain.
struct TierOptions {
    /// Made by redis::connect, memcached::connect, memory_backend::create, or yours. An error here is create()'s.
    Result<std::shared_ptr<spi::Backend>> backend = std::shared_ptr<spi::Backend>();
    /// For statistics and reports; empty: the backend's own name. Unique within the chain.
    std::string name = {};
    /// Empty: values are stored raw.
    std::shared_ptr<const spi::Compressor> compressor = {};
    /// In front of every key; empty: the cache's name and a colon. Caches that share a backend need different ones.
    std::string key_prefix = {};
    /// Most life in this tier, below the value's own. Empty: no cap. Must be positive.
    std::optional<std::chrono::nanoseconds> max_ttl = {};
    /// Bounds every call to the backend; after it the tier counts as failed for that call. Must be positive.
    std::chrono::nanoseconds timeout = std::chrono::milliseconds(50);
    LargeValues large_values = LargeValues::skip;
    BreakerOptions breaker = {};
    LeaseOptions leases = {};
};

struct ExpiryOptions {
    /// Life of a value from its load or write; empty: for ever. Positive, at most 100 years.
    std::optional<std::chrono::nanoseconds> ttl = {};
    /// Each life is shortened by a random share of up to this, so that what was loaded together does not expire
    /// together. From 0 to below 1.
    double jitter = 0.0;
    /// Life of "the source has no such thing"; 0: not cached. At most 100 years.
    std::chrono::nanoseconds negative_ttl = std::chrono::seconds(5);
    /// Sliding expiry: an entry leaves memory when it was not used for this long. Empty: it may rest. Must be positive.
    std::optional<std::chrono::nanoseconds> max_idle = {};
};

/// Values past their life, for when the source of truth is slow or fails: what RFC 5861 calls stale-while-revalidate
/// and stale-if-error. A Handle says so (Handle::is_stale). "The source has no such thing" is never served stale, nor
/// is anything that was invalidated.
struct StaleOptions {
    /// How long past its life a value is kept, in memory and the tiers, and may be served. 0: not at all, and the rest
    /// of these has no meaning. At most 100 years.
    std::chrono::nanoseconds keep = std::chrono::nanoseconds::zero();
    /// True: get_or_load gives a stale value at once, and one load in the background sees to the next. False: it waits
    /// for the load, and gives the stale value if that fails, or takes longer than `soft_timeout`.
    bool while_revalidate = true;
    /// How long a lookup that could have a stale value waits for a load, from the load's beginning; the load goes on.
    /// Empty: until the load ends. Must be positive.
    std::optional<std::chrono::nanoseconds> soft_timeout = {};
    /// After a load that failed, its key is not loaded again for this long as long as a stale value will do. Zero or
    /// more, at most 100 years.
    std::chrono::nanoseconds retry_after = std::chrono::seconds(1);
};

/// Loading anew before values expire. By get_or_load of a value in memory, in the background: the caller has it
/// already. A tier's value is taken instead of a load's if it is newer than memory's, so that of a fleet one process
/// loads.
struct RefreshOptions {
    /// Once this share of a value's life is over, the next use begins a load. From 0 (never) to below 1.
    double ahead = 0.0;
    /// Each use begins a load with a probability that grows towards the end of the value's life, so that of a fleet few
    /// do: in the last `early` mean load times, about. 1 is the usual value; 0: never. (XFetch: Vattani, Chierichetti,
    /// Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015; theirs is `beta`.)
    double early = 0.0;
};

/// All finite.
struct TimeoutOptions {
    /// For a call that names no timeout of its own. Must be positive.
    std::chrono::nanoseconds call = std::chrono::seconds(5);
    /// For one load or write of the source, whoever waits for it: after this its key is free again. Must be positive.
    std::chrono::nanoseconds source = std::chrono::seconds(30);
    /// How long close() waits for what is under way. Zero or more.
    std::chrono::nanoseconds close = std::chrono::seconds(5);
};

/// Where blocking loaders and writers run.
enum class RunOn : std::uint8_t {
    /// The runtime's worker threads: every call returns by its deadline, whatever the loader does.
    workers,
    /// The thread of the blocking call that needs the value: no hand-over, but also no deadline while it runs.
    /// Only for caches without tiers. Asynchronous calls use the workers all the same.
    caller,
};

struct LoadingOptions {
    RunOn run_on = RunOn::workers;
    /// Most calls of the loader and writer at once (a batch is one); others wait their turn. At least 1.
    std::size_t max_concurrent = 32;
    /// Most calls waiting for their turn, and most writes waiting for an earlier one of their key; beyond that
    /// Errc::overloaded. At least 1.
    std::size_t max_waiting = 10'000;
    /// Most lookups waiting for loads; beyond that Errc::overloaded. At least 1.
    std::size_t max_waiters = 1'000'000;
};

/// Everything a cache is made of. Contradictions are errors of Cache::create that name the field.
template <class K, class V>
struct CacheOptions {
    /// For statistics, messages and the default key prefix. Not empty.
    std::string name = {};
    MemoryOptions<K, V> memory = {};
    /// From nearest to farthest, below the memory tier. At most 31. K and V then need codecs (see codec.hpp).
    std::vector<TierOptions> tiers = {};
    ExpiryOptions expiry = {};
    StaleOptions stale = {};
    RefreshOptions refresh = {};
    TimeoutOptions timeouts = {};
    LoadingOptions loading = {};
    Loader<K, V> loader = {};
    Writer<K, V> writer = {};
    WriteBehindOptions write_behind = {};
    /// Largest encoded value that goes to, or is believed from, a tier, in bytes before compression.
    std::size_t max_value_bytes = 64u << 20;
    /// Largest encoded key that goes to a tier, in bytes.
    std::size_t max_key_bytes = 64u << 10;
    RecordAccessesOptions record_accesses = {};
    /// Hears of what a service wants in its log (event.hpp), each event once, in order, one at a time, on a worker
    /// thread of the runtime; never on a hit, and without a lock held. It may take its time, but must not close the
    /// cache. What it throws is counted and dropped; so are events beyond the 1,024 that may wait for it.
    detail::Callback<void(const Event&)> on_event = {};
    /// Threads and time; empty: the one that all caches share.
    std::shared_ptr<spi::Runtime> runtime = {};
};

} // namespace tiercel
