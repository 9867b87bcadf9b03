#pragma once

#include "settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace tiercel::chaos {

enum class FaultKind : std::uint8_t {
    // On the way, for the clients behind the proxy
    slow,      ///< replies are held back
    cut,       ///< connections are closed after so many bytes of replies
    silent,    ///< nothing comes after so many bytes of replies
    half_open, ///< connections lead nowhere, and nobody is told
    sliced,    ///< replies come byte by byte
    corrupt,   ///< bits of replies are flipped
    refused,   ///< nobody listens
    mixed,     ///< delays, slices, cuts and silence, at random
    // Of the server
    stopped,     ///< SIGSTOP, SIGCONT
    killed,      ///< kill -9, restart
    flushed,     ///< FLUSHALL, flush_all
    evicting,    ///< it has little memory and evicts
    full,        ///< it has little memory and refuses writes
    read_only,   ///< Redis alone: it is somebody's replica
    no_replicas, ///< Redis alone: it wants replicas before it writes
    // Of a client
    client_killed, ///< kill -9, and begun anew
};
inline constexpr std::size_t fault_kind_count = 16;

std::string_view to_string(FaultKind kind) noexcept;
/// What is done, in a line.
std::string_view description_of(FaultKind kind) noexcept;
bool is_of_the_way(FaultKind kind) noexcept;
bool is_known_to(FaultKind kind, ServerKind server) noexcept;

struct Fault {
    std::uint64_t number = 0; ///< from 1
    FaultKind kind{};
    std::chrono::milliseconds after{}; ///< the clients have recovered from the one before
    std::chrono::milliseconds lasts{};
    std::uint64_t size = 0;   ///< bytes, or milliseconds, as the kind has it; or a seed
    std::uint32_t client = 0; ///< of client_killed
};

/// The faults of a run, one after the other, for ever: all kinds in a random order, then all in another. The same seed
/// gives the same faults.
class FaultDeck {
public:
    explicit FaultDeck(const Run& run);
    Fault next();

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    const ServerKind server_;
    const std::uint32_t processes_;
    std::mt19937_64 random_;
    std::vector<FaultKind> cards_;
    std::uint64_t number_ = 0;
};

} // namespace tiercel::chaos
