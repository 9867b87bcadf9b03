#include "context_pool.hpp"

#include <tiercel/zstd.hpp>

#include <zstd.h>

#include <new>
#include <string>
#include <utility>

namespace tiercel::zstd {
namespace {

struct Compressing {
    using type = ZSTD_CCtx;
    struct Deleter {
        void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
    };
    static ZSTD_CCtx* make() noexcept { return ZSTD_createCCtx(); }
    static std::size_t bytes(const ZSTD_CCtx& context) noexcept { return ZSTD_sizeof_CCtx(&context); }
};

struct Decompressing {
    using type = ZSTD_DCtx;
    struct Deleter {
        void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
    };
    static ZSTD_DCtx* make() noexcept { return ZSTD_createDCtx(); }
    static std::size_t bytes(const ZSTD_DCtx& context) noexcept { return ZSTD_sizeof_DCtx(&context); }
};

Error zstd_error(std::size_t code) {
    return {Errc::corrupt, std::string("zstd: ") + ZSTD_getErrorName(code)};
}

// Short enough for the string to hold it without allocating.
Error no_memory() {
    return {Errc::out_of_memory, "zstd: no memory"};
}

class ZstdCompressor final : public spi::Compressor {
public:
    explicit ZstdCompressor(const Options& options) : options_(options) {}

    std::uint8_t id() const noexcept override { return compressor_id; }
    std::string_view name() const noexcept override { return "zstd"; }

    Result<std::optional<Bytes>> compress(BytesView raw) const noexcept override try {
        std::optional<Bytes> compressed;
        if (raw.empty() || raw.size() < options_.min_bytes) return compressed;

        auto context = compressing_.take();
        if (!context) return no_memory();
        auto& frame = compressed.emplace(ZSTD_compressBound(raw.size()), '\0');
        // Settings stick to a context, which only this compressor uses; setting them again costs nothing.
        std::size_t size = ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, options_.level);
        if (!ZSTD_isError(size)) size = ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 1);
        if (!ZSTD_isError(size)) size = ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 0);
        if (!ZSTD_isError(size)) size = ZSTD_CCtx_setParameter(context.get(), ZSTD_c_dictIDFlag, 0);
        if (!ZSTD_isError(size)) {
            size = ZSTD_compress2(context.get(), frame.data(), frame.size(), raw.data(), raw.size());
        }
        if (ZSTD_isError(size)) return zstd_error(size);
        compressing_.give_back(std::move(context));

        if (!pays(raw.size(), size)) {
            compressed.reset();
        } else {
            frame.resize(size);
        }
        return compressed;
    } catch (const std::bad_alloc&) {
        return no_memory();
    }

    Result<Bytes> decompress(BytesView compressed, std::size_t raw_bytes) const noexcept override try {
        // Exactly one frame, and one that claims what the envelope claims: checked before anything is allocated.
        if (raw_bytes == 0 || ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != raw_bytes) {
            return Error(Errc::corrupt, "zstd: not a frame of the size that the envelope says");
        }
        const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
        if (ZSTD_isError(frame_bytes)) return zstd_error(frame_bytes);
        if (frame_bytes != compressed.size()) return Error(Errc::corrupt, "zstd: bytes after the frame");

        auto context = decompressing_.take();
        if (!context) return no_memory();
        Bytes raw(raw_bytes, '\0');
        const std::size_t size =
            ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), compressed.data(), compressed.size());
        if (ZSTD_isError(size)) return zstd_error(size);
        decompressing_.give_back(std::move(context));
        if (size != raw_bytes) return Error(Errc::corrupt, "zstd: the frame holds fewer bytes than it says");
        return raw;
    } catch (const std::bad_alloc&) {
        return no_memory();
    }

private:
    bool pays(std::size_t raw_bytes, std::size_t compressed_bytes) const noexcept {
        if (compressed_bytes >= raw_bytes) return false;
        const auto saved = static_cast<double>(raw_bytes - compressed_bytes);
        return saved >= options_.min_saving * static_cast<double>(raw_bytes);
    }

    Options options_;
    mutable ContextPool<Compressing> compressing_;
    mutable ContextPool<Decompressing> decompressing_;
};

[[noreturn]] void refuse(const std::string& what) {
    throw Exception(Error(Errc::invalid_option, "zstd::Options::" + what));
}

} // namespace

std::shared_ptr<const spi::Compressor> compressor(const Options& options) {
    if (options.level == 0 || options.level < ZSTD_minCLevel() || options.level > ZSTD_maxCLevel()) {
        refuse("level must be " + std::to_string(ZSTD_minCLevel()) + " to -1 or 1 to " +
               std::to_string(ZSTD_maxCLevel()) + ", not " + std::to_string(options.level));
    }
    if (!(options.min_saving >= 0.0 && options.min_saving < 1.0)) {
        refuse("min_saving must be from 0 to below 1, not " + std::to_string(options.min_saving));
    }
    return std::make_shared<const ZstdCompressor>(options);
}

} // namespace tiercel::zstd
