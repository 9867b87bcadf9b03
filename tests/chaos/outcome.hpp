#pragma once

#include "board.hpp"
#include "fault_deck.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::chaos {

/// What a run came to.
struct Outcome {
    Run run;
    std::chrono::duration<double> lasted{};

    struct CacheRow {
        std::string features;
        Counts counts;
        std::uint64_t loads = 0, loads_failed = 0;
        std::uint64_t tier_errors = 0, defects = 0, breaker_opened = 0, skipped = 0, fenced = 0, leases_lost = 0,
                      repaired = 0, left_behind = 0;
    };
    std::array<CacheRow, cache_count> caches;

    struct FaultRow {
        std::uint64_t times = 0;
        std::vector<std::chrono::nanoseconds> recoveries; ///< one for each client and time that it was hit
        std::uint64_t never = 0;                          ///< clients that had nothing from the tier in time afterwards
    };
    std::array<FaultRow, fault_kind_count> faults;

    Nanos oldest_behind = 0;
    Nanos oldest_beyond = 0;
    std::uint64_t corrupted_bits = 0;
    std::uint64_t stuck = 0;   ///< calls that had not returned long after their deadline
    std::uint64_t crashed = 0; ///< clients that ended and nobody had killed them
    std::uint64_t endless = 0; ///< clients that did not end when told to
    Nanos longest_wait = 0;    ///< that the leader itself did not get to run for

    Counts all() const;
    std::uint64_t faults_in_all() const;
    std::uint64_t wrong_values() const;
    std::uint64_t stale_reads() const;
    /// Nothing happened that must not.
    bool good() const;
};

/// Tables for people.
std::string to_text(const Outcome& outcome);
/// The command line that does it again.
std::string replay_of(const Run& run);

} // namespace tiercel::chaos
