#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tiercel::simulation {

using std::chrono::nanoseconds;

/// How loaders and writers are written.
enum class SourceForm : std::uint8_t { single, batch, blocking };

/// How often each thing goes wrong, from 0 to 1 for each request, load or write.
struct FaultRates {
    // Of requests to a server
    double request_lost = 0;     ///< never gets there, no answer
    double answer_lost = 0;      ///< is applied, no answer
    double refused = 0;          ///< the server says no, and has done nothing
    double connection = 0;       ///< no connection: nothing was sent
    double slow = 0;             ///< takes longer than any timeout; answered late, applied late
    double torn = 0;             ///< an answer's bytes are damaged
    double misdirected = 0;      ///< an answer's bytes are another key's
    double store_lost = 0;       ///< acknowledged and not stored (a failover)
    double ignores_deadline = 0; ///< the client does not return by its deadline
    // Of servers, for each second
    double stop = 0;
    double restart = 0;
    double flush = 0;
    // Of the source
    double load_fails = 0;
    double load_hangs = 0;
    double write_refused = 0;
    double write_unconfirmed = 0; ///< is in, but says that it failed
    double write_hangs = 0;       ///< answers after its deadline, in or not
};

/// How fast things are where nothing goes wrong.
struct Pace {
    nanoseconds longest_trip = std::chrono::milliseconds(3); ///< to a server, and back
    std::optional<nanoseconds> load, write;                  ///< exactly; empty: as chance has it
};

/// One world: how large, how set up, how unlucky. Everything follows from it and the seed.
struct Settings {
    std::size_t processes = 2;
    std::size_t keys = 3;
    std::size_t operations = 150;
    nanoseconds lasts = std::chrono::seconds(20);
    bool private_tier = false; ///< above the shared one, each process has one of its own
    bool shared_tier = true;
    bool reads_ttl = true;      ///< the servers tell what life is left, as Redis does
    bool whole_seconds = false; ///< the servers keep values until the next whole second, as Memcached does
    SourceForm form = SourceForm::single;
    bool has_writer = true;
    bool has_listener = true;
    std::optional<nanoseconds> ttl;
    nanoseconds negative_ttl{};
    double jitter = 0;
    std::optional<nanoseconds> max_memory_ttl;
    nanoseconds call_timeout{};
    nanoseconds source_timeout{};
    nanoseconds close_timeout{};
    nanoseconds tier_timeout{};
    std::size_t max_concurrent = 32;
    nanoseconds stale_keep{}; ///< 0: nothing is served past its life
    bool while_revalidate = true;
    std::optional<nanoseconds> soft_timeout;
    nanoseconds retry_after{};
    double refresh_ahead = 0, refresh_early = 0;
    nanoseconds lease_ttl{}, lease_wait{}; ///< of the shared tier; ttl 0: no leases
    std::uint32_t breaker_failures = 5;
    nanoseconds back_off_min = std::chrono::milliseconds(50), back_off_max = std::chrono::milliseconds(250);
    nanoseconds clock_spread{}; ///< how far the processes' wall clocks are apart at most
    Pace pace;
    FaultRates faults;

    bool calm() const noexcept;
};

/// The world of a seed: small ones mostly, each with its own part of the faults; every 64th is large with all of them.
Settings settings_of(std::uint64_t seed);

} // namespace tiercel::simulation
