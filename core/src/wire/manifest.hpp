#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tiercel::wire {

/// Names one write of one value: random, and part of its chunks' keys, so that chunks of two writes never mix.
struct WriteId {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const WriteId&, const WriteId&) = default;
};

/// The record that stands in a backend for a value stored in chunks; byte by byte in README.md beside this file.
struct Manifest {
    std::uint64_t total_bytes = 0;
    std::uint32_t chunk_bytes = 0; ///< of each chunk but the last, which has the rest
    WriteId id;
    std::uint64_t checksum = 0; ///< XXH3-64 of the whole value
    friend bool operator==(const Manifest&, const Manifest&) = default;

    std::size_t chunk_count() const noexcept;
    /// The place of chunk `index` in the value.
    std::size_t offset(std::size_t index) const noexcept { return index * chunk_bytes; }
    std::size_t size(std::size_t index) const noexcept;
};

inline constexpr std::size_t manifest_bytes = 48;

/// The most chunks that a value may have: more are neither written nor believed.
inline constexpr std::size_t most_chunks = 1024;

/// The manifest of `value` in chunks of up to `chunk_bytes`. The value has 1 to `chunk_bytes` * `most_chunks` bytes.
Manifest describe_chunks(BytesView value, std::uint32_t chunk_bytes, WriteId id) noexcept;

Bytes write_manifest(const Manifest& manifest);

/// Whether a stored value may only be read as a manifest. A value of this look must itself be stored in chunks.
/// Envelopes never have it.
bool looks_like_manifest(BytesView stored) noexcept;

/// Empty for anything that write_manifest would not have written, and for values over `max_total_bytes`.
std::optional<Manifest> read_manifest(BytesView stored, std::uint64_t max_total_bytes) noexcept;

/// The key of a chunk, before backend_key gives it the tier's prefix and the backend's alphabet.
Bytes chunk_key(WriteId id, std::size_t index);
/// Whether `key` has the form that chunk_key gives.
bool is_chunk_key(BytesView key) noexcept;

} // namespace tiercel::wire
