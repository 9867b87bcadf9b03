#include <tiercel/zstd.hpp>

#include "wire/packer.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace tiercel::zstd {
namespace {

Bytes text(std::size_t bytes) {
    Bytes out;
    for (int i = 0; out.size() < bytes; ++i)
        out += "record " + std::to_string(i) + " of the table; ";
    out.resize(bytes);
    return out;
}

Bytes noise(std::size_t bytes) {
    std::mt19937 random(42);
    Bytes out(bytes, '\0');
    for (char& byte : out)
        byte = static_cast<char>(random());
    return out;
}

Bytes compressed(const spi::Compressor& zstd, BytesView raw) {
    auto result = zstd.compress(raw);
    EXPECT_TRUE(result && *result);
    return result && *result ? **result : Bytes();
}

bool kept_raw(const spi::Compressor& zstd, BytesView raw) {
    const auto result = zstd.compress(raw);
    EXPECT_TRUE(result);
    return result && !*result;
}

/// A frame as zstd itself makes it with these settings.
Bytes frame(BytesView raw, bool content_size, bool checksum) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, content_size ? 1 : 0);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
    Bytes out(ZSTD_compressBound(raw.size()), '\0');
    out.resize(ZSTD_compress2(context, out.data(), out.size(), raw.data(), raw.size()));
    ZSTD_freeCCtx(context);
    return out;
}

void expect_refused(const Options& options, const std::string& field) {
    try {
        compressor(options);
        ADD_FAILURE() << field << " was taken";
    } catch (const Exception& error) {
        EXPECT_EQ(error.code(), Errc::invalid_option);
        EXPECT_NE(std::string(error.what()).find(field), std::string::npos) << error.what();
    }
}

TEST(Zstd, values_come_back) {
    const auto zstd = compressor();
    for (const std::size_t bytes : {128U, 1000U, 100'000U, 3'000'000U}) {
        const Bytes raw = text(bytes);
        const Bytes small = compressed(*zstd, raw);
        EXPECT_LT(small.size(), raw.size());
        const auto back = zstd->decompress(small, raw.size());
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, raw);
    }
}

TEST(Zstd, every_level_end_works_and_is_read_by_every_other) {
    const Bytes raw = text(5000);
    for (const int level : {-131072, -1, 1, 3, 22}) {
        const auto zstd = compressor({.level = level, .min_saving = 0});
        if (kept_raw(*zstd, raw)) continue;
        EXPECT_EQ(*compressor()->decompress(compressed(*zstd, raw), raw.size()), raw) << level;
    }
}

TEST(Zstd, options_out_of_range_are_refused_by_name) {
    expect_refused({.level = 0}, "level");
    expect_refused({.level = 23}, "level");
    expect_refused({.level = std::numeric_limits<int>::min()}, "level");
    expect_refused({.min_saving = -0.1}, "min_saving");
    expect_refused({.min_saving = 1.0}, "min_saving");
    expect_refused({.min_saving = std::numeric_limits<double>::quiet_NaN()}, "min_saving");
}

TEST(Zstd, small_values_are_kept_raw) {
    const auto zstd = compressor({.min_bytes = 200});
    EXPECT_TRUE(kept_raw(*zstd, Bytes(199, 'x')));
    EXPECT_FALSE(kept_raw(*zstd, Bytes(200, 'x')));
    EXPECT_TRUE(kept_raw(*compressor({.min_bytes = 0}), ""));
}

TEST(Zstd, values_that_save_too_little_are_kept_raw) {
    EXPECT_TRUE(kept_raw(*compressor({.min_saving = 0}), noise(10'000)));
    const Bytes half = noise(5000) + Bytes(5000, 'x');
    EXPECT_FALSE(kept_raw(*compressor({.min_saving = 0.4}), half));
    EXPECT_TRUE(kept_raw(*compressor({.min_saving = 0.6}), half));
}

TEST(Zstd, frames_carry_their_size_and_no_checksum) {
    const Bytes raw = text(5000);
    const Bytes small = compressed(*compressor(), raw);
    EXPECT_EQ(ZSTD_getFrameContentSize(small.data(), small.size()), raw.size());
    EXPECT_EQ(ZSTD_getDictID_fromFrame(small.data(), small.size()), 0U);
    EXPECT_EQ(frame(raw, true, false).size() + 4, frame(raw, true, true).size());
    EXPECT_EQ(small.size(), frame(raw, true, false).size());
}

TEST(Zstd, a_frame_of_another_size_is_corrupt) {
    const auto zstd = compressor();
    const Bytes raw = text(5000);
    const Bytes small = compressed(*zstd, raw);
    for (const std::size_t claim : {std::size_t{0}, std::size_t{4999}, std::size_t{5001}, std::size_t{1} << 40U}) {
        const auto back = zstd->decompress(small, claim);
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error(), Errc::corrupt);
    }
}

TEST(Zstd, a_frame_without_its_size_is_corrupt) {
    const Bytes raw = text(5000);
    EXPECT_FALSE(compressor()->decompress(frame(raw, false, false), raw.size()));
}

TEST(Zstd, a_frame_that_lies_about_its_size_is_corrupt) {
    const Bytes raw = text(5000);
    Bytes small = compressed(*compressor(), raw);
    // Frame_Content_Size of two bytes, less 256, follows magic and descriptor.
    ASSERT_EQ(small[4] & 0xE0, 0x60);
    for (const int by : {-1, 1}) {
        Bytes lying = small;
        lying[5] = static_cast<char>(lying[5] + by);
        const auto claim = static_cast<std::size_t>(static_cast<int>(raw.size()) + by);
        ASSERT_EQ(ZSTD_getFrameContentSize(lying.data(), lying.size()), claim);
        EXPECT_FALSE(compressor()->decompress(lying, claim));
    }
}

TEST(Zstd, several_frames_or_trailing_bytes_are_corrupt) {
    const Bytes raw = text(5000);
    const Bytes small = compressed(*compressor(), raw);
    const Bytes skippable("\x50\x2A\x4D\x18\x04\0\0\0abcd", 12);
    EXPECT_FALSE(compressor()->decompress(small + small, raw.size()));
    EXPECT_FALSE(compressor()->decompress(small + small, 2 * raw.size()));
    EXPECT_FALSE(compressor()->decompress(small + '\0', raw.size()));
    EXPECT_FALSE(compressor()->decompress(small + skippable, raw.size()));
    EXPECT_FALSE(compressor()->decompress(skippable + small, raw.size()));
    EXPECT_FALSE(compressor()->decompress(skippable, 0));
}

TEST(Zstd, every_truncation_is_corrupt) {
    const Bytes raw = text(500);
    const Bytes small = compressed(*compressor(), raw);
    for (std::size_t size = 0; size < small.size(); ++size) {
        EXPECT_FALSE(compressor()->decompress(BytesView(small).substr(0, size), raw.size())) << size;
    }
}

TEST(Zstd, no_damaged_byte_does_worse_than_an_error_or_another_value) {
    const auto zstd = compressor();
    const Bytes raw = text(300);
    const Bytes small = compressed(*zstd, raw);
    for (std::size_t at = 0; at < small.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            Bytes damaged = small;
            damaged[at] = static_cast<char>(byte);
            const auto back = zstd->decompress(damaged, raw.size());
            if (back) {
                EXPECT_EQ(back->size(), raw.size());
            }
        }
    }
}

TEST(Zstd, an_error_does_not_spoil_the_next_call) {
    const auto zstd = compressor();
    const Bytes raw = text(5000);
    Bytes damaged = compressed(*zstd, raw);
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    damaged.resize(damaged.size() - 1);
    EXPECT_FALSE(zstd->decompress(damaged, raw.size()));
    EXPECT_EQ(*zstd->decompress(compressed(*zstd, raw), raw.size()), raw);
}

TEST(Zstd, threads_share_one_compressor) {
    const auto zstd = compressor();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&zstd, t] {
            for (int i = 0; i < 200; ++i) {
                const Bytes raw = text(static_cast<std::size_t>(200 + 97 * t + i));
                const auto small = zstd->compress(raw);
                ASSERT_TRUE(small && *small);
                const auto back = zstd->decompress(**small, raw.size());
                ASSERT_TRUE(back);
                ASSERT_EQ(*back, raw);
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
}

TEST(Zstd, a_small_value_that_claims_800_mb_is_too_large_and_never_inflated) {
    // A true bomb: 800 MB of zeros, made in a stream, is some 25 KB of zstd.
    constexpr std::size_t bomb_bytes = 800'000'000;
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setPledgedSrcSize(context, bomb_bytes);
    const Bytes zeros(1'000'000, '\0');
    Bytes bomb(200'000, '\0');
    ZSTD_outBuffer out{bomb.data(), bomb.size(), 0};
    for (std::size_t done = 0; done < bomb_bytes; done += zeros.size()) {
        ZSTD_inBuffer in{zeros.data(), zeros.size(), 0};
        const bool last = done + zeros.size() == bomb_bytes;
        while (ZSTD_compressStream2(context, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue) != 0 && last) {
        }
        ASSERT_EQ(in.pos, in.size);
    }
    ZSTD_freeCCtx(context);
    bomb.resize(out.pos);
    ASSERT_LT(bomb.size(), 100'000U);
    ASSERT_EQ(ZSTD_getFrameContentSize(bomb.data(), bomb.size()), bomb_bytes);

    const auto zstd = compressor();
    const wire::Packer packer(zstd, 64'000'000);
    wire::Header header;
    header.compressor = zstd->id();
    header.raw_bytes = bomb_bytes;
    wire::Unpacked unpacked;
    EXPECT_EQ(packer.unpack(wire::seal(header, bomb), {}, unpacked), wire::Defect::too_large);

    // The envelope lies instead: it claims what is allowed, the frame holds the rest.
    header.raw_bytes = 1000;
    EXPECT_EQ(packer.unpack(wire::seal(header, bomb), {}, unpacked), wire::Defect::bad_compression);
    EXPECT_TRUE(unpacked.inflated.empty());
}

TEST(Zstd, works_in_a_packer) {
    const wire::Packer packer(compressor(), 1'000'000);
    const Bytes raw = text(10'000);
    const auto packed = packer.pack(wire::Header(), raw);
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->payload_bytes, 3000U);
    wire::Unpacked unpacked;
    ASSERT_EQ(packer.unpack(packed->bytes, {}, unpacked), wire::Defect::none);
    EXPECT_EQ(unpacked.payload, raw);
    EXPECT_EQ(unpacked.header.compressor, compressor_id);
}

} // namespace
} // namespace tiercel::zstd
