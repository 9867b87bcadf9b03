#pragma once

#include <tiercel/spi/compressor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tiercel::zstd {

struct Options {
    /// zstd's own: 1 (fast) to 22 (small), and -1 to -131072 (faster still). 0 is refused: say 3, which zstd takes it
    /// for. Values stay readable whatever level wrote them.
    int level = 3;

    /// Values of fewer bytes are kept raw without trying. 0: every value is tried.
    std::size_t min_bytes = 128;

    /// The part of a value's bytes that compression must save, from 0 (any byte saved will do) to below 1; otherwise it
    /// is kept raw, and costs its readers no decompression.
    double min_saving = 0.1;
};

/// Makes a compressor for a tier: one zstd frame a value, with its content size, without checksum (the envelope has
/// one) and without dictionary.
/// Thread safety: all members may be called concurrently. It keeps up to 16 idle contexts each way, of up to 8 MiB
/// each, since making one costs more than compressing a small value with it.
/// Errors: throws tiercel::Exception (Errc::invalid_option, naming the field) for an option out of its range, and
/// std::bad_alloc.
std::shared_ptr<const spi::Compressor> compressor(const Options& options = {});

/// What the envelope calls it.
inline constexpr std::uint8_t compressor_id = 1;

} // namespace tiercel::zstd
