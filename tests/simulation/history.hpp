#pragma once

#include <tiercel/call_options.hpp>
#include <tiercel/handle.hpp>
#include <tiercel/removal.hpp>
#include <tiercel/result.hpp>
#include <tiercel/write_report.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::simulation {

using std::chrono::nanoseconds;

/// Keys are numbers here and "k<number>" in the caches.
using Key = std::uint32_t;

/// A value names its birth: the key in the upper 24 bits, the birth's index plus one in the lower 40. So every read
/// tells which load or write it came from, and a value that is nobody's shows.
using Value = std::uint64_t;
constexpr Value value_of(Key key, std::size_t birth) noexcept {
    return (Value{key} << 40) | (birth + 1);
}
constexpr Key key_of(Value value) noexcept {
    return static_cast<Key>(value >> 40);
}
constexpr std::size_t birth_of(Value value) noexcept {
    return static_cast<std::size_t>(value & ((Value{1} << 40) - 1)) - 1;
}

/// When something happened: its place in the order of all events, and the virtual time since the run began.
struct Moment {
    std::uint64_t seq = 0; ///< 0: it has not happened
    nanoseconds at{};

    explicit operator bool() const noexcept { return seq != 0; }
    bool before(const Moment& other) const noexcept { return seq < other.seq; }
};

/// One cache from create() to close(): a process that restarts begins another life.
struct Life {
    std::uint32_t process = 0;
    Moment began;
    // What its cache was told.
    std::optional<nanoseconds> ttl;
    nanoseconds negative_ttl{};
    std::optional<nanoseconds> max_memory_ttl;
    double jitter = 0;
    nanoseconds source_timeout{};
    nanoseconds close_timeout{};
    std::vector<std::uint32_t> servers;     ///< of its tiers, from the nearest on
    std::vector<nanoseconds> tier_timeouts; ///< likewise
    std::size_t max_concurrent = 0;
    bool has_writer = true;
    nanoseconds stale_keep{};
    bool while_revalidate = true;
    std::optional<nanoseconds> soft_timeout;
    nanoseconds retry_after{};
    double refresh_ahead = 0, refresh_early = 0;
    nanoseconds lease_ttl{}, lease_wait{}; ///< of the last tier; ttl 0: no leases
    std::uint32_t breaker_failures = 0;
    // What it said when everything had been well for long, if it lived to see that.
    Moment settled;
    std::uint64_t repairs = 0;
    std::vector<bool> tiers_in_use;
    // What it said at the end of its life.
    std::vector<std::uint64_t> breakers_opened;
    std::uint64_t flights = 0, waiters = 0, source_calls = 0, source_queue = 0;
    std::uint64_t inserts = 0, removals = 0, evictions = 0;
};

enum class Act : std::uint8_t { get, get_or_load, put, invalidate, clear, prime, close };
std::string_view to_string(Act act) noexcept;

/// What one key of an operation came to.
struct KeyResult {
    enum class Kind : std::uint8_t { miss, value, absent, done, error };
    Kind kind = Kind::miss;
    Value value = 0;                ///< of a value
    Source source{};                ///< of a value or absence
    StaleReason stale{};            ///< of a value or absence
    nanoseconds age{}, staleness{}; ///< of a value or absence, when the operation ended
    Errc code = Errc::server_error; ///< of an error
    std::string text;               ///< of an error
    WriteReport report;             ///< of a write that is done
};

/// One call of a cache's function, for one key or many.
struct Operation {
    Act act = Act::get;
    std::size_t life = 0;
    std::vector<Key> keys;           ///< empty: all
    std::vector<std::size_t> births; ///< of a put: what it writes, by key
    nanoseconds timeout{};
    Strictness strictness = Strictness::lenient;
    bool skips_memory = false;
    bool skips_tier = false; ///< some tier
    bool destroys = false;   ///< of a close: it was the cache's destructor
    Require require = Require::any;
    std::optional<nanoseconds> max_staleness;
    nanoseconds delay{}; ///< from its begin until it was really asked for
    Moment begin, end, cancelled;
    std::vector<KeyResult> results; ///< by key; one for an operation on all
};

/// A value's beginning: a call of the loader for one key, or a put's call of the writer.
struct Birth {
    enum class Kind : std::uint8_t { load, put };
    enum class Outcome : std::uint8_t { open, value, absent, error };
    Kind kind = Kind::load;
    std::size_t life = 0;
    Key key = 0;
    Moment begin;               ///< the loader was called; the put was
    nanoseconds flight_began{}; ///< of a load: when the work for it began, from its deadline
    nanoseconds deadline{};     ///< of the source's call
    Moment end;                 ///< the source's answer
    Outcome outcome = Outcome::open;
    bool cacheable = true;
    std::optional<nanoseconds> ttl;
    std::uint64_t source_version = 0; ///< what the load saw, what the put made
    Moment committed;                 ///< of a put: the source took it
};

/// One key of one request that a cache's tier sent.
struct ServerCall {
    enum class Kind : std::uint8_t { get, put, erase };
    /// What it says of the server: `unclear` is neither.
    enum class Heard : std::uint8_t { nothing, answer, failure, unclear };
    Kind kind = Kind::get;
    std::size_t life = 0;
    std::uint32_t server = 0;
    std::size_t request = 0; ///< the index of its first key's
    std::optional<Key> key;  ///< empty: the marker of clear(), or a probe's
    bool conditional = false;
    bool negative = false; ///< get: delivered an absence, or what is no value of ours
    bool lease = false;    ///< put: a lease; `value` is what it carries
    nanoseconds deadline{};
    Heard heard = Heard::nothing;
    Value value = 0; ///< put, or delivered by a get; 0: none, or no value of ours
    Moment begin;
    Moment applied;      ///< at the server
    Moment end;          ///< the cache heard
    bool ok = false;     ///< it heard that it was done
    bool faulty = false; ///< something went wrong with it, heard or not
};

/// An entry that left a cache's memory, as its listener heard.
struct Departure {
    std::size_t life = 0;
    Key key = 0;
    Value value = 0; ///< 0: an absence
    RemovalCause cause{};
    Moment at;
};

/// What a cache told its event listener of a tier.
struct Told {
    enum class Kind : std::uint8_t { opened, half_open, closed, overflowed };
    Kind kind{};
    std::size_t life = 0;
    std::size_t tier = 0;
    std::uint64_t probes = 0;
    Moment at;
};

/// What a server holds at the end.
struct Residue {
    std::uint32_t server = 0;
    Key key = 0;
    Value value = 0;
    std::size_t life = 0; ///< whose put it was
    Moment stored;
};

/// Something that the world did: for people who read the history.
struct Note {
    Moment at;
    std::string text;
};

/// Everything observable that happened in one run.
struct History {
    std::uint64_t seed = 0;
    bool calm = true; ///< no server, link or clock failed
    bool every_tier_reads_ttl = true;
    bool shares_a_tier = false; ///< all lives, as their last
    bool fences_fleet = false;  ///< ... with leases, so that one process's invalidation voids another's load
    nanoseconds clock_spread{}; ///< how far the processes' clocks were apart at most
    std::vector<Life> lives;
    std::vector<Operation> operations;
    std::vector<Birth> births;
    std::vector<ServerCall> server_calls;
    std::vector<Departure> departures;
    std::vector<Told> told;
    std::vector<Residue> residues;
    std::vector<Note> notes;
    std::uint64_t events = 0; ///< how many Moments there were
    nanoseconds lasted{};

    /// Over everything that is in it: two runs of one seed have the same.
    std::uint64_t hash() const;
    /// All of it for people, in the order of the events, a line each.
    std::string to_text() const;
};

} // namespace tiercel::simulation
