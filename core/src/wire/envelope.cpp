#include "envelope.hpp"

#include "lease.hpp"
#include "planted_bug.hpp"
#include "xx_hash.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>

namespace tiercel::wire {
namespace {

using boost::endian::load_little_s64;
using boost::endian::load_little_u32;
using boost::endian::load_little_u64;
using boost::endian::store_little_s64;
using boost::endian::store_little_u32;
using boost::endian::store_little_u64;

constexpr unsigned char magic = 0xC7;
constexpr unsigned char format_version = 1;
constexpr unsigned char flag_negative = 0x01;
constexpr unsigned char flag_lease = 0x02;
constexpr unsigned char known_flags = flag_negative | flag_lease;

enum Offset : std::size_t {
    at_magic = 0,
    at_format_version = 1,
    at_flags = 2,
    at_codec = 3,
    at_compressor = 4,
    at_kept = 5,
    at_schema = 8,
    at_raw_bytes = 12,
    at_key_low = 16,
    at_key_high = 24,
    at_created = 32,
    at_expires = 40,
    at_version = 48,
    at_checksum = 56,
    end_of_header = 64,
};
static_assert(end_of_header == header_bytes);

const unsigned char* unsigned_bytes(BytesView bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

// The payload's hash, seeded by that of the header in front of the checksum: one pass over each, no state.
std::uint64_t checksum(BytesView header, BytesView payload) noexcept {
    return xxh3_64(payload, xxh3_64(header.substr(0, at_checksum), 0));
}

std::int64_t expiry_to_wire(const std::optional<SystemTime>& expires) noexcept {
    if (!expires) return 0;
    const std::int64_t micros = expires->time_since_epoch().count();
    return micros == 0 ? -1 : micros;
}

std::optional<SystemTime> expiry_from_wire(std::int64_t micros) noexcept {
    if (micros == 0) return std::nullopt;
    return SystemTime(std::chrono::microseconds(micros));
}

} // namespace

bool looks_like_lease(BytesView stored) noexcept {
    if (stored.size() < header_bytes) return false;
    const unsigned char* head = unsigned_bytes(stored);
    return head[at_magic] == magic && head[at_format_version] == format_version && (head[at_flags] & flag_lease) != 0;
}

Fingerprint fingerprint(BytesView key) noexcept {
    const Hash128 hash = xxh3_128(key, 0);
    return {hash.low, hash.high};
}

std::string_view to_string(Defect defect) noexcept {
    static constexpr std::array<std::string_view, defect_count> names = {
        "none",         "truncated",          "not_ours",  "unknown_version", "bad_checksum", "wrong_key",
        "wrong_schema", "unknown_compressor", "too_large", "bad_compression", "bad_payload",
    };
    const auto index = static_cast<std::size_t>(defect);
    return index < names.size() ? names[index] : "unknown";
}

void seal_in_place(const Header& header, Bytes& framed) {
    const auto payload = BytesView(framed).substr(header_bytes);
    std::array<unsigned char, header_bytes> head{};
    head[at_magic] = magic;
    head[at_format_version] = format_version;
    head[at_flags] =
        static_cast<unsigned char>((header.negative ? flag_negative : 0) | (header.lease ? flag_lease : 0));
    head[at_codec] = header.codec;
    head[at_compressor] = header.compressor;
    const auto kept = std::clamp<std::int64_t>(header.kept.count(), 0, longest_kept.count());
    for (std::size_t i = 0; i < 3; ++i)
        head[at_kept + i] = static_cast<unsigned char>(kept >> (8 * i) & 0xff);
    store_little_u32(&head[at_schema], header.schema);
    store_little_u32(&head[at_raw_bytes], header.raw_bytes);
    store_little_u64(&head[at_key_low], header.key.low);
    store_little_u64(&head[at_key_high], header.key.high);
    store_little_s64(&head[at_created], header.created.time_since_epoch().count());
    store_little_s64(&head[at_expires], expiry_to_wire(header.expires));
    store_little_u64(&head[at_version], header.version);
    const BytesView head_view(reinterpret_cast<const char*>(head.data()), head.size());
    store_little_u64(&head[at_checksum], checksum(head_view, payload));
    std::copy(head_view.begin(), head_view.end(), framed.begin());
}

Bytes seal(const Header& header, BytesView payload) {
    Bytes framed;
    framed.reserve(header_bytes + payload.size());
    framed.resize(header_bytes);
    framed.append(payload);
    seal_in_place(header, framed);
    return framed;
}

Defect open(BytesView bytes, const Expected& expected, Opened& out) noexcept {
    if (bytes.empty()) return Defect::truncated;
    const unsigned char* head = unsigned_bytes(bytes);
    if (head[at_magic] != magic) return Defect::not_ours;
    if (bytes.size() < header_bytes) return Defect::truncated;
    if (head[at_format_version] != format_version || (head[at_flags] & ~known_flags) != 0) {
        return Defect::unknown_version;
    }

    Header header;
    header.negative = (head[at_flags] & flag_negative) != 0;
    header.lease = (head[at_flags] & flag_lease) != 0;
    header.codec = head[at_codec];
    header.compressor = head[at_compressor];
    header.schema = load_little_u32(head + at_schema);
    header.raw_bytes = load_little_u32(head + at_raw_bytes);
    header.key = {load_little_u64(head + at_key_low), load_little_u64(head + at_key_high)};
    header.created = SystemTime(std::chrono::microseconds(load_little_s64(head + at_created)));
    header.expires = expiry_from_wire(load_little_s64(head + at_expires));
    header.version = load_little_u64(head + at_version);
    header.kept = std::chrono::seconds(head[at_kept] | head[at_kept + 1] << 8 | head[at_kept + 2] << 16);

    const BytesView payload = bytes.substr(header_bytes);
    const bool raw = header.compressor == 0;
    if (raw && payload.size() < header.raw_bytes) return Defect::truncated;
    if (checksum(bytes, payload) != load_little_u64(head + at_checksum) && !planted(Bug::checksum_is_not_checked))
        return Defect::bad_checksum;
    if (raw && payload.size() != header.raw_bytes) return Defect::bad_payload;
    if (header.negative && (!raw || !payload.empty())) return Defect::bad_payload;
    if (header.lease && (header.negative || !raw || !header.expires || bytes.size() < lease_bytes)) {
        return Defect::bad_payload;
    }

    if (header.key != expected.key && !planted(Bug::fingerprint_is_not_checked)) return Defect::wrong_key;
    if (header.codec != expected.codec || header.schema != expected.schema) return Defect::wrong_schema;
    out = {header, payload};
    return Defect::none;
}

} // namespace tiercel::wire
