#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tiercel::spi {

/// Bytes to fewer bytes and back.
/// Thread safety: all members may be called concurrently.
/// Errors: returned in Result; never throws. Input to decompress is untrusted.
class Compressor {
public:
    virtual ~Compressor() = default;

    /// Written into the envelope. 0 means "raw" and is not to be used; 1 to 127 are ours, 128 to 255 the user's.
    virtual std::uint8_t id() const noexcept = 0;
    virtual std::string_view name() const noexcept = 0;

    /// Empty when compressing does not pay: the value is then stored raw.
    virtual Result<std::optional<Bytes>> compress(BytesView raw) const = 0;

    /// Exactly `raw_bytes` bytes, or an error. Allocates no more than `raw_bytes`, which the caller has bounded.
    virtual Result<Bytes> decompress(BytesView compressed, std::size_t raw_bytes) const = 0;
};

} // namespace tiercel::spi
