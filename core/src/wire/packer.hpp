#pragma once

#include "envelope.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/compressor.hpp>

#include <memory>

namespace tiercel::wire {

/// A value on its way into a backend.
struct Packed {
    Bytes bytes;                   ///< the envelope
    std::size_t raw_bytes = 0;     ///< payload before compression
    std::size_t payload_bytes = 0; ///< payload as stored
};

/// A value on its way out. `payload` views either the stored bytes or `inflated`, so that it neither copies nor moves.
struct Unpacked {
    Unpacked() = default;
    Unpacked(const Unpacked&) = delete;
    Unpacked& operator=(const Unpacked&) = delete;

    Header header;
    BytesView payload;
    Bytes inflated;
};

/// Compresses and seals what goes into one tier, opens and decompresses what comes out of it.
/// Thread safety: all members may be called concurrently.
class Packer {
public:
    /// `compressor` may be null: everything is stored raw, and values stored compressed are Defect::unknown_compressor.
    /// `max_value_bytes` caps the raw size both ways; the format's own limit is 4 GiB - 1.
    Packer(std::shared_ptr<const spi::Compressor> compressor, std::size_t max_value_bytes);

    /// `header.compressor` and `header.raw_bytes` are set here. A negative takes no payload.
    /// Errors: value_too_large; the compressor's own are not errors, the value is then stored raw.
    Result<Packed> pack(Header header, BytesView payload) const;
    /// The same for what is in `framed` behind header_bytes of room, which becomes the envelope if it is stored raw.
    /// It is taken only if the result is no error.
    Result<Packed> pack_in_place(Header header, Bytes&& framed) const;

    /// `stored` must outlive `out`, which is set only when the result is Defect::none. Allocates at most
    /// `max_value_bytes`, and nothing before every check that can be made without has passed. A lease is bad_payload.
    Defect unpack(BytesView stored, const Expected& expected, Unpacked& out) const;

private:
    Result<Packed> pack(Header header, BytesView payload, Bytes* framed) const;

    std::shared_ptr<const spi::Compressor> compressor_;
    std::size_t max_value_bytes_;
};

} // namespace tiercel::wire
