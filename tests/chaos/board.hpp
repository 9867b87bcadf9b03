#pragma once

#include "settings.hpp"
#include "truth.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace tiercel::chaos {

/// What is counted, for each thread of each client and each cache.
enum class Count : std::uint8_t {
    operations,
    reads, ///< values judged
    from_memory,
    from_tier,
    from_loader,
    misses, ///< of lookups that may not load
    stale_served,
    puts,
    invalidations,
    clears,
    incomplete,    ///< writes and invalidations that a tier has not taken yet
    writes_failed, ///< puts and invalidations that failed: refused by the source, or not done in time
    reads_failed,  ///< by the source's own failure
    timed_out,     ///< lookups that ended with Errc::timeout, at their deadline
    undone_by_others,
    undecided, ///< values too old to tell whether the source had had them
    // What must not be
    damaged,
    wrong_key,
    unknown,
    past_its_life,
    not_marked,
    undone,
    absent,       ///< a lookup was told that the source has no such thing
    tier_failure, ///< a lenient lookup was told of a tier's failure, or of something else that is not the caller's
};
inline constexpr std::size_t count_count = static_cast<std::size_t>(Count::tier_failure) + 1;

struct Counts {
    std::array<std::uint64_t, count_count> of{};

    std::uint64_t operator[](Count count) const noexcept { return of[static_cast<std::size_t>(count)]; }
    Counts& operator+=(const Counts& other) noexcept;
};

/// Written by one thread of a client, read by the leader.
struct ThreadRow {
    std::array<std::array<std::atomic<std::uint64_t>, count_count>, cache_count> counts;
    std::atomic<Nanos> oldest_behind; ///< the longest that a value was served after the source had something newer
    std::atomic<Nanos> oldest_beyond; ///< the longest that a value was served beyond its life and keep
    std::atomic<Nanos> deadline;      ///< of the call under way; 0: none

    void add(std::size_t cache, Count count, std::uint64_t n = 1) noexcept {
        auto& cell = counts[cache][static_cast<std::size_t>(count)];
        cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
};

/// Of one cache of a client, added up over its lives. What the cache itself counts is added when it is closed: what a
/// client that was killed had counted is lost.
struct CacheTotals {
    std::atomic<std::uint64_t> loads, loads_failed;
    std::atomic<std::uint64_t> tier_errors, defects, breaker_opened, skipped, fenced, leases_lost, repaired,
        left_behind;
};

/// One client process; begun anew, it goes on in the same row.
struct ClientRow {
    std::array<ThreadRow, most_threads> threads;
    std::array<CacheTotals, cache_count> totals;
    std::atomic<std::uint32_t> life;    ///< set by the leader before the process begins
    std::atomic<std::uint32_t> started; ///< lives that have made their caches
    std::atomic<std::uint32_t> ended;   ///< lives that came to their end in order
    /// The last fault after whose end this client has had a value from the tier, and when.
    std::atomic<std::uint64_t> recovered_from;
    std::atomic<Nanos> recovered_at;
};

/// What the processes of a run share: one file, mapped by all. The leader makes it; all that is in it begins as zero
/// and is changed by atomic operations only, so that a process may be killed at any moment.
struct Board {
    Run run;
    std::uint16_t server_port, proxy_port;
    std::atomic<bool> stop;
    std::atomic<std::uint64_t> fault_over; ///< number of the last fault that has ended; 0 while one is on
    std::array<ClientRow, most_processes> clients;
    std::array<std::array<KeyTruth, most_keys>, cache_count> truth;
};

/// Maps the file. Lifetime: as long as the process; it is never unmapped.
/// Errors: std::system_error.
Board& make_board(const std::filesystem::path& file, const Run& run);
Board& open_board(const std::filesystem::path& file);

/// All threads of the client together.
Counts counts_of(const ClientRow& client, std::size_t cache);

} // namespace tiercel::chaos
