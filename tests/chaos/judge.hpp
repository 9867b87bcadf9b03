#pragma once

#include "truth.hpp"
#include "value.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tiercel::chaos {

/// How long values of one cache may be served, and what the judge allows for on top: see README.md, "What is asked".
struct Bounds {
    Nanos life = 0;   ///< time to live
    Nanos keep = 0;   ///< beyond it, if marked as stale
    Nanos margin = 0; ///< a load's longest time, and what an overloaded machine adds
    /// No process may see what is older than its own last change, whoever loaded it: leases, and no puts.
    bool across_processes = false;
};

/// One value that a lookup gave.
struct Reading {
    std::uint32_t cache = 0;
    std::uint32_t key = 0;
    std::string_view value;
    bool marked_stale = false;
    Nanos began = 0;             ///< the lookup
    std::uint64_t own_floor = 0; ///< version that the process had put or seen when it last changed the key, before that
    Maker reader;
};

/// The first that is wrong with it.
enum class Verdict : std::uint8_t {
    right,
    // Wrong values
    damaged,   ///< not the bytes of any value
    wrong_key, ///< another key's, or another cache's
    unknown,   ///< of a version that the source never had
    // Stale reads beyond the bound
    past_its_life, ///< served for longer than its life and what is allowed for stale ones
    not_marked,    ///< past its life and not marked as stale
    undone,        ///< older than what the process itself had put, or invalidated, before
};
inline constexpr std::size_t verdict_count = 7;

std::string_view to_string(Verdict verdict) noexcept;

struct Judgement {
    Verdict verdict = Verdict::right;
    std::optional<Facts> facts; ///< empty: damaged
    /// How long before the lookup the source had had something newer. Zero: it had not, or that is forgotten.
    Nanos behind = 0;
    Nanos age = 0;
    bool undecided = false;        ///< its version is too old to know whether there was such a one
    bool undone_by_others = false; ///< allowed, for another process loaded it: older than the reader's own change
};

Judgement judge(const Reading& reading, const KeyTruth& truth, const Bounds& bounds);

} // namespace tiercel::chaos
