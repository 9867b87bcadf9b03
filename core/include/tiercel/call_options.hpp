#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tiercel {

/// A set of tiers to leave out of one call. Invalidation always includes memory.
class Skip {
public:
    constexpr Skip() = default;
    /// The L1: do not look there and do not fill it.
    static constexpr Skip memory() { return Skip(1); }
    /// The tier at `index` of CacheOptions::tiers. At most 31 tiers.
    static constexpr Skip tier(std::size_t index) { return Skip(std::uint32_t{2} << index); }

    constexpr bool has_memory() const { return (bits_ & 1) != 0; }
    constexpr bool has_tier(std::size_t index) const { return (bits_ & (std::uint32_t{2} << index)) != 0; }
    friend constexpr Skip operator|(Skip a, Skip b) { return Skip(a.bits_ | b.bits_); }

private:
    constexpr explicit Skip(std::uint32_t bits) : bits_(bits) {}
    std::uint32_t bits_ = 0;
};

/// What a failing tier means to the caller.
enum class Strictness : std::uint8_t {
    lenient, ///< a miss at that tier, counted; a write reports it
    strict,  ///< the call's error
};

/// How fresh an answer must be.
enum class Require : std::uint8_t {
    any,   ///< within its life, or stale within CallOptions::max_staleness
    fresh, ///< within its life
};

/// What one call wants to be different.
struct CallOptions {
    /// The call returns by then. Empty: TimeoutOptions::call. Must be positive.
    std::optional<std::chrono::nanoseconds> timeout = {};
    /// Life of a value that this call loads or writes, jitter apart. Empty: ExpiryOptions::ttl. Positive, at most
    /// 100 years.
    std::optional<std::chrono::nanoseconds> ttl = {};
    Skip skip = {};
    Require require = Require::any;
    /// How long past its life a value may be. Empty: StaleOptions::keep, which bounds it in any case. Zero or more.
    std::optional<std::chrono::nanoseconds> max_staleness = {};
    Strictness strictness = Strictness::lenient;
};

} // namespace tiercel
