#pragma once

#include "judge.hpp"
#include "value.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tiercel::chaos {

enum class ServerKind : std::uint32_t { redis, memcached };
std::string_view to_string(ServerKind kind) noexcept;

/// A client that misbehaves, to see that it is noticed.
enum class Plant : std::uint32_t {
    nothing,
    wrong_value, ///< its loader gives another key's value at times
    stale,       ///< its loader gives what it gave long ago
    stuck,       ///< one of its calls does not return
};

/// What the command line says of one run.
struct Run {
    ServerKind server = ServerKind::redis;
    Plant plant = Plant::nothing;
    std::uint64_t seed = 1;
    std::uint64_t operations = 0; ///< 0: as many as there is time for
    double seconds = 30;
    std::uint32_t processes = 4;
    std::uint32_t threads = 3; ///< of each process
    std::uint32_t keys = 256;  ///< of each cache
    /// What a machine that has other work may add to any time that is judged: a thread that does not get to run.
    std::uint32_t margin_ms = 1'000;
};

/// Each client has these caches, which share the server with those of the same place in the other clients.
inline constexpr std::size_t cache_count = 4;
inline constexpr std::uint32_t most_processes = 32;
inline constexpr std::uint32_t most_threads = 16;
inline constexpr std::uint32_t most_keys = 1024;

/// How one of them is set up: the same in every client of a run.
struct CacheSettings {
    bool leases = false;
    bool compression = false;
    bool puts = false; ///< values are changed by put(); else in the source itself, and then invalidated
    bool while_revalidate = false;
    bool source_fails = false; ///< one load in a hundred
    double refresh_ahead = 0;
    std::chrono::milliseconds ttl{};
    std::chrono::milliseconds keep{}; ///< 0: nothing stale is served
    std::uint32_t memory_entries = 0;

    Bounds bounds(const Run& run) const;
    /// "lease stale zstd put", and dashes for what it has not.
    std::string features() const;
};

/// Leases, stale values and compression: each two of them in all four combinations, and all eight of the three within
/// two seeds that differ in their lowest bit.
std::array<CacheSettings, cache_count> settings_of(const Run& run);

inline constexpr std::chrono::milliseconds call_timeout{1'000};
inline constexpr std::chrono::milliseconds source_timeout{500};
inline constexpr std::chrono::milliseconds close_timeout{2'000};

} // namespace tiercel::chaos
