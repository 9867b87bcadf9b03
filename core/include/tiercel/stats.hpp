#pragma once

#include <tiercel/handle.hpp>
#include <tiercel/removal.hpp>
#include <tiercel/result.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tiercel {

/// Counts of durations in buckets that grow by an eighth: any quantile is right to within 12.5 %.
/// (The bucketing of HdrHistogram, Tene 2012, with three bits of precision.)
struct LatencyHistogram {
    /// Up to 2^40 ns, 18 minutes; longer ones count as that.
    static constexpr std::size_t bucket_count = std::size_t{8} * 38;

    std::array<std::uint64_t, bucket_count> buckets{};

    static std::size_t bucket_of(std::chrono::nanoseconds duration) noexcept;
    /// The largest duration that falls into the bucket.
    static std::chrono::nanoseconds upper_bound(std::size_t bucket) noexcept;

    std::uint64_t count() const noexcept;
    /// The duration that a share of `q` (0 to 1) of the samples does not exceed; zero without samples.
    std::chrono::nanoseconds quantile(double q) const noexcept;
};

/// What the memory tier hits lately, and would hit with another capacity under its policy, each from 0 to 1: estimated
/// from a sample of the keys (MemoryOptions::estimate_capacities). Lately: the weight of an access halves with each 32
/// to 64 times the capacity that come after it.
struct CapacityEstimates {
    double hit_ratio_now = 0; ///< measured
    double hit_ratio_half = 0;
    double hit_ratio_twice = 0;
    double hit_ratio_four_times = 0;
};

/// What was written to RecordAccessesOptions::path.
struct RecordingStats {
    std::uint64_t written = 0;  ///< accesses in the file
    std::uint64_t bytes = 0;    ///< of the file
    std::uint64_t dropped = 0;  ///< sampled accesses that came when both buffers were full
    std::uint64_t too_late = 0; ///< sampled accesses since the file was full, or failed
    bool full = false;          ///< the file reached RecordAccessesOptions::max_bytes
    bool failed = false;        ///< it could not be written on
};

struct MemoryStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t inserts = 0;
    std::uint64_t fenced = 0;    ///< fills dropped because the key was invalidated or written meanwhile
    std::uint64_t too_heavy = 0; ///< values refused because they outweigh the bound
    std::uint64_t entries = 0;
    std::uint64_t weight = 0;
    std::uint64_t max_entries = 0;
    std::uint64_t max_weight = 0;
    std::array<std::uint64_t, removal_cause_count> removals{}; ///< by RemovalCause
    LatencyHistogram hit_latency;                              ///< of one hit in 256
    std::optional<CapacityEstimates> estimates;                ///< empty unless asked for, and until enough was seen
};

/// Whether a tier is asked (BreakerOptions).
enum class BreakerState : std::uint8_t {
    closed,    ///< it is in use
    open,      ///< it does not answer, and is left out
    half_open, ///< still left out; a probe is under way
};

std::string_view to_string(BreakerState state) noexcept;

struct BreakerStats {
    BreakerState state = BreakerState::closed;
    std::uint64_t opened = 0; ///< times that the tier stopped answering
    std::uint64_t probes = 0;
    std::uint64_t skipped_lookups = 0; ///< keys looked up without this tier; not among its misses and errors
    std::uint64_t skipped_writes = 0;  ///< keys put, erased or cleared without it: reported as queued
};

/// In keys (LeaseOptions).
struct LeaseStats {
    std::uint64_t taken = 0;
    std::uint64_t taken_over = 0; ///< of these: in place of one that had run out and was still there
    std::uint64_t released = 0;   ///< given back without a value: the load failed, or its value is not to be cached
    std::uint64_t lost = 0;       ///< values not stored: erased, written or taken over by others meanwhile
    std::uint64_t waits = 0;      ///< lookups in the tier that found another process loading, and waited
    std::uint64_t waits_over = 0; ///< of these: waited for LeaseOptions::wait in vain
};

struct TierStats {
    std::string name;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;           ///< answered, and nothing usable there
    std::uint64_t puts = 0;             ///< values stored
    std::uint64_t erases = 0;           ///< keys erased, there or not
    std::uint64_t too_large = 0;        ///< values skipped for the tier's or cache's limit
    std::uint64_t split_puts = 0;       ///< values stored in chunks (LargeValues::split), of `puts`
    std::uint64_t split_reads = 0;      ///< values put together from chunks
    std::uint64_t split_incomplete = 0; ///< values missed because a chunk had gone: the server evicts, or lost some
    std::uint64_t fenced = 0;           ///< values not believed: older than an invalidation or write by this process
    std::uint64_t expired = 0;          ///< values found past their life, by their own header
    std::uint64_t cleared = 0;          ///< values found that are older than a clear()
    std::uint64_t bytes_in = 0;         ///< of values read, as stored
    std::uint64_t bytes_out = 0;        ///< of values written, as stored, header included
    std::uint64_t raw_bytes_out = 0;    ///< of the same before compression, header not included
    std::array<std::uint64_t, errc_count> errors{}; ///< keys that failed, by Errc; timeouts among them
    /// Values that were no value of ours, or damaged, by the name of the defect.
    std::vector<std::pair<std::string_view, std::uint64_t>> defects;
    LatencyHistogram read_latency;  ///< of batches
    LatencyHistogram write_latency; ///< of batches, erasures included
    BreakerStats breaker;
    LeaseStats leases;

    std::uint64_t error_count() const noexcept;
};

struct SourceStats {
    std::uint64_t loads = 0;        ///< keys asked of the loader
    std::uint64_t loader_calls = 0; ///< calls of the loader: a batch is one
    std::uint64_t load_failures = 0;
    std::uint64_t load_timeouts = 0; ///< loads that did not answer within TimeoutOptions::source
    std::uint64_t absent = 0;        ///< "the source has no such thing"
    std::uint64_t joined = 0;        ///< lookups that waited for a load under way
    std::uint64_t refreshes = 0; ///< loads begun in the background, of `loads` unless a tier had it: see StaleOptions
                                 ///< and RefreshOptions
    std::uint64_t unchanged = 0; ///< loads that confirmed the value that was there: see LoadContextOf
    std::uint64_t writes = 0;    ///< keys given to the writer
    std::uint64_t write_failures = 0;
    LatencyHistogram load_latency; ///< of keys, from the request to the answer
};

/// Puts that are acknowledged before the source of truth has them (WriteBehindOptions), in keys.
struct WriteBehindStats {
    std::uint64_t pending = 0;       ///< keys that the source has yet to take
    std::uint64_t pending_bytes = 0; ///< of their records in the journal
    std::uint64_t acknowledged = 0;
    std::uint64_t coalesced = 0; ///< of these: in the place of a value that was still pending
    std::uint64_t written = 0;
    std::uint64_t retried = 0;         ///< attempts that failed and are made again
    std::uint64_t dropped = 0;         ///< given up after WriteBehindOptions::max_attempts
    std::uint64_t lost = 0;            ///< pending in memory when the cache was closed
    std::uint64_t left_in_journal = 0; ///< pending in the journal when the cache was closed
    std::uint64_t recovered = 0;       ///< found in the journal when the cache was made
    std::uint64_t unreadable = 0;      ///< found there too, but damaged, or not decoded; left there
    std::uint64_t journal_appends = 0; ///< calls of the journal: what comes together goes together
    std::uint64_t journal_records = 0; ///< that these made durable
    std::uint64_t journal_failures = 0;
};

/// What is under way, and the bounds of it.
struct PressureStats {
    std::uint64_t flights = 0; ///< keys being looked up or loaded
    std::uint64_t waiters = 0; ///< lookups waiting for them
    std::uint64_t max_waiters = 0;
    std::uint64_t source_calls = 0; ///< loader and writer calls running
    std::uint64_t max_source_calls = 0;
    std::uint64_t source_queue = 0; ///< calls waiting for their turn, and writes for an earlier one of their key
    std::uint64_t max_source_queue = 0;
    std::uint64_t fences = 0; ///< recent invalidations and writes remembered
    std::uint64_t max_fences = 0;
    std::uint64_t repairs = 0; ///< keys that a tier did not take a write or invalidation of, to be erased there
    std::uint64_t max_repairs = 0;
    std::uint64_t repaired = 0;
    std::uint64_t repair_overflows =
        0;                          ///< times that there were more than that, and older values were given up wholesale
    std::uint64_t failing_keys = 0; ///< keys whose load failed less than StaleOptions::retry_after ago
    std::uint64_t max_failing_keys = 0;
    std::uint64_t fence_overflows = 0; ///< times that older values were given up wholesale for lack of room
    std::uint64_t pending_writes = 0;  ///< keys put and not yet written (WriteBehindOptions::max_writes)
    std::uint64_t max_pending_writes = 0;
    std::uint64_t puts_waiting = 0; ///< for room there; at most `max_source_queue`
};

/// A cache's counters at one moment. Parts are read one after the other: sums across parts may be off by what happened
/// in between.
struct CacheStats {
    std::string name;
    MemoryStats memory;
    std::vector<TierStats> tiers;
    SourceStats source;
    PressureStats pressure;
    std::array<std::uint64_t, stale_reason_count> stale{}; ///< values served past their life, by StaleReason
    std::optional<WriteBehindStats> write_behind;          ///< empty with Acknowledge::source
    std::optional<RecordingStats> recording;               ///< empty unless asked for
    std::uint64_t listener_failures = 0;                   ///< times that a removal or event listener threw
    std::uint64_t dropped_events = 0; ///< events that came when 1,024 were waiting for their listener
    std::uint64_t left_behind = 0;    ///< operations still under way when close() gave up waiting
};

/// A table for people, of at most 100 columns (more only for a long cache name). A tier's `misses` are answers without
/// the value, its latency that of batches; the source's `hits` are the values it gave. `stored` counts our header.
std::string to_table(const CacheStats& stats);

} // namespace tiercel
