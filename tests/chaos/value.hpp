#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tiercel::chaos {

/// Nanoseconds of the steady clock, which all processes of a machine share.
using Nanos = std::int64_t;
Nanos steady_now() noexcept;

/// Who made a value: a client process, of which there is another after each kill.
struct Maker {
    std::uint32_t client = 0;
    std::uint32_t life = 0;

    friend bool operator==(const Maker&, const Maker&) = default;
};

/// What a value says of itself.
struct Facts {
    std::uint32_t cache = 0;
    std::uint32_t key = 0;
    std::uint64_t version = 0;
    std::uint64_t nonce = 0; ///< of the version: two that claim the same one differ in it
    Maker maker;
    Nanos made_at = 0; ///< when the source was asked for it, or it was about to be put

    friend bool operator==(const Facts&, const Facts&) = default;
};

/// The bytes of a value: the facts, a filler whose length follows from the version, and a checksum over all of it.
std::string value_of(const Facts& facts);

/// Empty if a single byte of it is not as value_of() made it.
std::optional<Facts> facts_of(std::string_view value);

} // namespace tiercel::chaos
