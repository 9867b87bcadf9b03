#include "stored_value.hpp"

#include <boost/endian/conversion.hpp>

#include <cstdint>
#include <utility>

namespace tiercel::redis {

VersionBytes encode_version(spi::Version version) noexcept {
    std::array<unsigned char, version_bytes> raw{};
    boost::endian::store_little_u64(raw.data(), static_cast<std::uint64_t>(version));
    VersionBytes bytes{};
    for (std::size_t i = 0; i < version_bytes; ++i)
        bytes[i] = static_cast<char>(raw[i]);
    return bytes;
}

void encode_stored(BytesView value, spi::Version version, Bytes& out) {
    const auto trailer = encode_version(version);
    out.clear();
    out.reserve(value.size() + version_bytes);
    out.append(value).append(trailer.data(), trailer.size());
}

std::optional<spi::Found> decode_stored(Bytes stored) {
    if (stored.size() < version_bytes) return std::nullopt;
    const std::size_t value_bytes = stored.size() - version_bytes;
    std::array<unsigned char, version_bytes> raw{};
    for (std::size_t i = 0; i < version_bytes; ++i)
        raw[i] = static_cast<unsigned char>(stored[value_bytes + i]);
    spi::Found found;
    found.version = spi::Version(boost::endian::load_little_u64(raw.data()));
    stored.resize(value_bytes);
    found.value = std::move(stored);
    return found;
}

} // namespace tiercel::redis
