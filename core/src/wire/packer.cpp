#include "packer.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace tiercel::wire {

Packer::Packer(std::shared_ptr<const spi::Compressor> compressor, std::size_t max_value_bytes)
    : compressor_(std::move(compressor)),
      max_value_bytes_(std::min<std::size_t>(max_value_bytes, std::numeric_limits<std::uint32_t>::max())) {}

Result<Packed> Packer::pack(Header header, BytesView payload) const {
    return pack(header, payload, nullptr);
}

Result<Packed> Packer::pack_in_place(Header header, Bytes&& framed) const {
    return pack(header, BytesView(framed).substr(header_bytes), &framed);
}

/// `framed`: where the payload stands, with room for a header; or null.
Result<Packed> Packer::pack(Header header, BytesView payload, Bytes* framed) const {
    if (header.negative) payload = {};
    if (payload.size() > max_value_bytes_) {
        return Error(Errc::value_too_large, "the value encodes to " + std::to_string(payload.size()) +
                                                " bytes, over the limit of " + std::to_string(max_value_bytes_));
    }
    header.raw_bytes = static_cast<std::uint32_t>(payload.size());
    header.compressor = 0;

    Packed packed;
    packed.raw_bytes = payload.size();
    if (compressor_ && !payload.empty()) {
        const Result<std::optional<Bytes>> compressed = compressor_->compress(payload);
        if (compressed && *compressed && (*compressed)->size() < payload.size()) {
            header.compressor = compressor_->id();
            packed.payload_bytes = (*compressed)->size();
            packed.bytes = seal(header, **compressed);
            return packed;
        }
    }
    packed.payload_bytes = payload.size();
    if (framed != nullptr && !header.negative) {
        seal_in_place(header, *framed);
        packed.bytes = std::move(*framed);
    } else {
        packed.bytes = seal(header, payload);
    }
    return packed;
}

Defect Packer::unpack(BytesView stored, const Expected& expected, Unpacked& out) const {
    Opened opened;
    if (const Defect defect = open(stored, expected, opened); defect != Defect::none) return defect;
    const Header& header = opened.header;
    if (header.lease) return Defect::bad_payload;
    if (header.raw_bytes > max_value_bytes_) return Defect::too_large;

    if (header.compressor == 0) {
        out.header = header;
        out.inflated.clear();
        out.payload = opened.payload;
        return Defect::none;
    }
    if (!compressor_ || compressor_->id() != header.compressor) return Defect::unknown_compressor;
    Result<Bytes> inflated = compressor_->decompress(opened.payload, header.raw_bytes);
    if (!inflated || inflated->size() != header.raw_bytes) return Defect::bad_compression;
    out.header = header;
    out.inflated = std::move(*inflated);
    out.payload = out.inflated;
    return Defect::none;
}

} // namespace tiercel::wire
