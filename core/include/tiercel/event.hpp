#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

namespace tiercel {

/// The tier does not answer: lookups leave it out, writes to it are queued with Errc::breaker_open (BreakerOptions).
struct TierOpened {
    std::string tier;
    Error reason;                      ///< the last call's, or the probe's
    std::uint64_t probes = 0;          ///< that have failed since it opened; 0: it was in use until now
    std::chrono::nanoseconds retry_in; ///< the next probe is due then
};

/// A probe asks the tier whether it is back; everybody else leaves it out meanwhile.
struct TierHalfOpen {
    std::string tier;
    std::uint64_t probes = 0; ///< since it opened, with this one
};

/// The tier has answered a probe, and is in use again.
struct TierClosed {
    std::string tier;
    std::uint64_t probes = 0;          ///< that it took
    std::chrono::nanoseconds open_for; ///< since it opened
};

/// More writes and invalidations than can be remembered were not taken by the tier: this process believes no value in
/// it that is older than now, and makes them misses for the others as soon as the tier takes a marker (clear()).
struct RepairsOverflowed {
    std::string tier;
};

/// The source of truth has refused a key's pending write WriteBehindOptions::max_attempts times: it was given up, and
/// the key invalidated.
struct WriteDropped {
    std::string key; ///< as its codec encodes it, perhaps not text; empty if it has none
    Error reason;    ///< the last attempt's
};

/// The cache was closed before the source of truth had taken all pending writes (TimeoutOptions::close).
struct WritesLeft {
    std::uint64_t lost = 0;       ///< acknowledged in memory only: gone
    std::uint64_t in_journal = 0; ///< written when a cache is next made with that journal
};

/// What a service wants in its log, once each: see CacheOptions::on_event. Later versions may have more kinds.
struct Event {
    using What = std::variant<TierOpened, TierHalfOpen, TierClosed, RepairsOverflowed, WriteDropped, WritesLeft>;

    std::string cache; ///< its name
    SystemTime at{};
    What what;
};

/// One line, without the time: "cache 'users': tier 'redis' closed after 1.2 s and 6 probes".
std::string to_string(const Event& event);

} // namespace tiercel
