#include "lease.hpp"

#include <boost/endian/conversion.hpp>

#include <array>

namespace tiercel::wire {

namespace {

constexpr std::size_t token_bytes = lease_bytes - header_bytes;

} // namespace

Bytes seal_lease(const Lease& lease, const Expected& of) {
    Bytes payload;
    payload.reserve(token_bytes + lease.carried.size());
    std::array<unsigned char, token_bytes> token{};
    boost::endian::store_little_u64(token.data(), lease.token);
    payload.append(reinterpret_cast<const char*>(token.data()), token.size());
    payload.append(lease.carried);

    Header header;
    header.lease = true;
    header.codec = of.codec;
    header.schema = of.schema;
    header.raw_bytes = static_cast<std::uint32_t>(payload.size());
    header.key = of.key;
    header.created = lease.created;
    header.expires = lease.expires;
    return seal(header, payload);
}

Defect open_lease(BytesView stored, const Expected& expected, Lease& out) noexcept {
    Opened opened;
    if (const Defect defect = open(stored, expected, opened); defect != Defect::none) return defect;
    if (!opened.header.lease) return Defect::bad_payload;
    Lease lease;
    lease.token = boost::endian::load_little_u64(reinterpret_cast<const unsigned char*>(opened.payload.data()));
    lease.created = opened.header.created;
    lease.expires = *opened.header.expires;
    lease.carried = opened.payload.substr(token_bytes);
    if (lease.token == 0 || looks_like_lease(lease.carried)) return Defect::bad_payload;
    out = lease;
    return Defect::none;
}

} // namespace tiercel::wire
