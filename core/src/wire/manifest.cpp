#include "manifest.hpp"

#include "xx_hash.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

namespace tiercel::wire {
namespace {

using boost::endian::load_little_u16;
using boost::endian::load_little_u32;
using boost::endian::load_little_u64;
using boost::endian::store_little_u16;
using boost::endian::store_little_u32;
using boost::endian::store_little_u64;

constexpr unsigned char magic = 0xC8; // not the envelope's
constexpr unsigned char format_version = 1;

enum Offset : std::size_t {
    at_magic = 0,
    at_format_version = 1,
    at_chunk_count = 2,
    at_chunk_bytes = 4,
    at_total_bytes = 8,
    at_id_low = 16,
    at_id_high = 24,
    at_value_checksum = 32,
    at_own_checksum = 40,
    end_of_manifest = 48,
};
static_assert(end_of_manifest == manifest_bytes);
static_assert(most_chunks <= UINT16_MAX);

constexpr BytesView chunk_mark{"\0chunk:",
                               7}; // as the marker of clear(): no key of a codec's making begins so by chance
constexpr std::size_t id_digits = 32;
constexpr std::size_t most_index_digits = 4;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) noexcept {
    return is_digit(c) || (c >= 'A' && c <= 'F');
}

} // namespace

std::size_t Manifest::chunk_count() const noexcept {
    return static_cast<std::size_t>(total_bytes / chunk_bytes + (total_bytes % chunk_bytes != 0 ? 1 : 0));
}

std::size_t Manifest::size(std::size_t index) const noexcept {
    return std::min<std::size_t>(chunk_bytes, static_cast<std::size_t>(total_bytes) - offset(index));
}

Manifest describe_chunks(BytesView value, std::uint32_t chunk_bytes, WriteId id) noexcept {
    return {value.size(), chunk_bytes, id, xxh3_64(value, 0)};
}

Bytes write_manifest(const Manifest& manifest) {
    std::array<unsigned char, manifest_bytes> out{};
    out[at_magic] = magic;
    out[at_format_version] = format_version;
    store_little_u16(&out[at_chunk_count], static_cast<std::uint16_t>(manifest.chunk_count()));
    store_little_u32(&out[at_chunk_bytes], manifest.chunk_bytes);
    store_little_u64(&out[at_total_bytes], manifest.total_bytes);
    store_little_u64(&out[at_id_low], manifest.id.low);
    store_little_u64(&out[at_id_high], manifest.id.high);
    store_little_u64(&out[at_value_checksum], manifest.checksum);
    const BytesView bytes(reinterpret_cast<const char*>(out.data()), out.size());
    store_little_u64(&out[at_own_checksum], xxh3_64(bytes.substr(0, at_own_checksum), 0));
    return Bytes(bytes);
}

bool looks_like_manifest(BytesView stored) noexcept {
    return !stored.empty() && static_cast<unsigned char>(stored.front()) == magic;
}

std::optional<Manifest> read_manifest(BytesView stored, std::uint64_t max_total_bytes) noexcept {
    if (!looks_like_manifest(stored) || stored.size() != manifest_bytes) return std::nullopt;
    const auto* in = reinterpret_cast<const unsigned char*>(stored.data());
    if (in[at_format_version] != format_version) return std::nullopt;
    if (load_little_u64(in + at_own_checksum) != xxh3_64(stored.substr(0, at_own_checksum), 0)) return std::nullopt;
    Manifest manifest;
    manifest.chunk_bytes = load_little_u32(in + at_chunk_bytes);
    manifest.total_bytes = load_little_u64(in + at_total_bytes);
    manifest.id = {load_little_u64(in + at_id_low), load_little_u64(in + at_id_high)};
    manifest.checksum = load_little_u64(in + at_value_checksum);
    if (manifest.chunk_bytes == 0 || manifest.total_bytes == 0 || manifest.total_bytes > max_total_bytes) {
        return std::nullopt;
    }
    const std::size_t count = manifest.chunk_count();
    if (count > most_chunks || count != load_little_u16(in + at_chunk_count)) return std::nullopt;
    return manifest;
}

Bytes chunk_key(WriteId id, std::size_t index) {
    std::array<char, 48> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%016" PRIX64 "%016" PRIX64 ":%zu", id.high, id.low, index);
    Bytes key(chunk_mark);
    key.append(text.data(), static_cast<std::size_t>(length));
    return key;
}

bool is_chunk_key(BytesView key) noexcept {
    if (!key.starts_with(chunk_mark)) return false;
    key.remove_prefix(chunk_mark.size());
    if (key.size() < id_digits + 2 || key.size() > id_digits + 1 + most_index_digits) return false;
    const BytesView index = key.substr(id_digits + 1);
    return std::all_of(key.begin(), key.begin() + id_digits, is_hex_digit) && key[id_digits] == ':' &&
           std::all_of(index.begin(), index.end(), is_digit);
}

} // namespace tiercel::wire
