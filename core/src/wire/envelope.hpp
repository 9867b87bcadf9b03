#pragma once

#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tiercel::wire {

/// XXH3-128 (unseeded) of a key's bytes: tells a value stored under a hashed or confused key from the one asked for.
struct Fingerprint {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint fingerprint(BytesView key) noexcept;

/// The header in front of every value that leaves the process; byte by byte in README.md beside this file.
struct Header {
    bool negative = false; ///< "the source has no such thing"; no payload
    bool lease = false;    ///< no value: a lease (lease.hpp), whose expiry is never empty
    std::uint8_t codec = 0;
    std::uint8_t compressor = 0; ///< 0: raw
    std::uint32_t schema = 0;
    std::uint32_t raw_bytes = 0; ///< payload size before compression
    Fingerprint key;
    SystemTime created{};
    std::optional<SystemTime> expires; ///< the epoch itself is written as the microsecond before it: 0 says "never"
    std::uint64_t version = 0;         ///< stamp of the load or write that made the value
    /// How much longer than until `expires` the backend was told to keep it, at least: whole seconds, at most
    /// longest_kept.
    std::chrono::seconds kept{};
};

/// What three bytes can say.
inline constexpr std::chrono::seconds longest_kept{(1 << 24) - 1};

/// Why bytes are no value of ours. Each is a counted miss.
enum class Defect : std::uint8_t {
    none,
    truncated,       ///< shorter than a header, or than the header says
    not_ours,        ///< the magic byte is not there
    unknown_version, ///< written by a later format: another version, an unknown flag, a reserved byte that is not 0
    bad_checksum,
    wrong_key,    ///< intact, but of another key
    wrong_schema, ///< intact, but of another type or codec
    unknown_compressor,
    too_large,       ///< claims more raw bytes than the cap
    bad_compression, ///< the compressor could not undo it
    bad_payload,     ///< the codec could not decode it, or its length is not what the header says
};

inline constexpr std::size_t defect_count = static_cast<std::size_t>(Defect::bad_payload) + 1;

std::string_view to_string(Defect defect) noexcept;

inline constexpr std::size_t header_bytes = 64;

/// Header, checksum and payload in one buffer. For a raw payload `header.raw_bytes` is its size; a negative has none.
Bytes seal(const Header& header, BytesView payload);

/// The same where the payload stands: `framed` is header_bytes of anything, then the payload.
void seal_in_place(const Header& header, Bytes& framed);

/// What the reader expects to find.
struct Expected {
    Fingerprint key;
    std::uint8_t codec = 0;
    std::uint32_t schema = 0;
};

struct Opened {
    Header header;
    BytesView payload; ///< views the input
};

/// Checks everything but the payload's own encoding: first that the bytes are whole and ours, then whose they are.
/// `out` is set only when the result is Defect::none.
Defect open(BytesView bytes, const Expected& expected, Opened& out) noexcept;

} // namespace tiercel::wire
