#include "wire/packer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tiercel::wire {
namespace {

/// Runs of one letter as a count and the letter; stands in for a real compressor, and counts what it is asked.
class RunLength : public spi::Compressor {
public:
    std::uint8_t id() const noexcept override { return 200; }
    std::string_view name() const noexcept override { return "run-length"; }

    Result<std::optional<Bytes>> compress(BytesView raw) const override {
        if (raw.empty() || raw.find_first_not_of(raw.front()) != BytesView::npos) return std::optional<Bytes>();
        return std::optional<Bytes>(std::to_string(raw.size()) + raw.front());
    }

    Result<Bytes> decompress(BytesView compressed, std::size_t raw_bytes) const override {
        ++decompressions;
        if (compressed.empty()) return Error(Errc::corrupt, "empty");
        return Bytes(raw_bytes, compressed.back());
    }

    mutable int decompressions = 0;
};

class Failing final : public RunLength {
public:
    Result<std::optional<Bytes>> compress(BytesView) const override { return Error(Errc::out_of_memory, "no"); }
    Result<Bytes> decompress(BytesView, std::size_t) const override { return Error(Errc::corrupt, "no"); }
};

class Growing final : public RunLength {
public:
    Result<std::optional<Bytes>> compress(BytesView raw) const override {
        return std::optional<Bytes>(Bytes(raw) + "more");
    }
};

class WrongSize final : public RunLength {
public:
    Result<Bytes> decompress(BytesView, std::size_t raw_bytes) const override { return Bytes(raw_bytes - 1, 'x'); }
};

constexpr std::size_t max_value_bytes = 1000;
const Expected expected{fingerprint("k"), 1, 9};

Header header_of_k() {
    Header header;
    header.codec = expected.codec;
    header.schema = expected.schema;
    header.key = expected.key;
    return header;
}

Packer with(std::shared_ptr<const spi::Compressor> compressor) {
    return {std::move(compressor), max_value_bytes};
}

TEST(Packer, a_value_with_room_for_its_header_is_sealed_where_it_stands) {
    const Packer packer = with(nullptr);
    const Bytes value(500, 'v');
    Bytes framed(header_bytes, '?');
    framed += value;
    const char* const place = framed.data();
    const auto packed = packer.pack_in_place(header_of_k(), std::move(framed));
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->bytes.data(), place);
    EXPECT_EQ(packed->bytes, packer.pack(header_of_k(), value)->bytes);
    EXPECT_EQ(packed->payload_bytes, value.size());
}

TEST(Packer, without_a_compressor_values_go_raw_and_come_back_as_views) {
    const Packer packer = with(nullptr);
    const auto packed = packer.pack(header_of_k(), "value");
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->raw_bytes, 5U);
    EXPECT_EQ(packed->payload_bytes, 5U);
    Unpacked unpacked;
    ASSERT_EQ(packer.unpack(packed->bytes, expected, unpacked), Defect::none);
    EXPECT_EQ(unpacked.payload, "value");
    EXPECT_EQ(unpacked.payload.data(), packed->bytes.data() + header_bytes);
}

TEST(Packer, what_compresses_is_stored_compressed) {
    const Packer packer = with(std::make_shared<RunLength>());
    const Bytes value(500, 'z');
    const auto packed = packer.pack(header_of_k(), value);
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->raw_bytes, 500U);
    EXPECT_EQ(packed->payload_bytes, 4U);
    EXPECT_EQ(packed->bytes.size(), header_bytes + 4);
    Unpacked unpacked;
    ASSERT_EQ(packer.unpack(packed->bytes, expected, unpacked), Defect::none);
    EXPECT_EQ(unpacked.payload, value);
    EXPECT_EQ(unpacked.header.compressor, 200);
    EXPECT_EQ(unpacked.header.raw_bytes, 500U);
}

TEST(Packer, what_does_not_compress_is_stored_raw) {
    const Packer packer = with(std::make_shared<RunLength>());
    const auto packed = packer.pack(header_of_k(), "no runs");
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->payload_bytes, 7U);
    Unpacked unpacked;
    ASSERT_EQ(packer.unpack(packed->bytes, expected, unpacked), Defect::none);
    EXPECT_EQ(unpacked.payload, "no runs");
    EXPECT_EQ(unpacked.header.compressor, 0);
}

TEST(Packer, a_compressor_that_fails_or_grows_leaves_the_value_raw) {
    const std::vector<std::shared_ptr<const spi::Compressor>> compressors{std::make_shared<Failing>(),
                                                                          std::make_shared<Growing>()};
    for (const auto& compressor : compressors) {
        const Packer packer = with(compressor);
        const auto packed = packer.pack(header_of_k(), "value");
        ASSERT_TRUE(packed);
        Unpacked unpacked;
        ASSERT_EQ(packer.unpack(packed->bytes, expected, unpacked), Defect::none);
        EXPECT_EQ(unpacked.payload, "value");
    }
}

TEST(Packer, raw_values_stay_readable_when_a_compressor_is_added) {
    const auto packed = with(nullptr).pack(header_of_k(), "value");
    Unpacked unpacked;
    ASSERT_EQ(with(std::make_shared<RunLength>()).unpack(packed->bytes, expected, unpacked), Defect::none);
    EXPECT_EQ(unpacked.payload, "value");
}

TEST(Packer, compressed_values_without_their_compressor_are_an_unknown_compressor) {
    Header header = header_of_k();
    header.compressor = 201;
    header.raw_bytes = 10;
    const Bytes sealed = seal(header, "xxx");
    Unpacked unpacked;
    EXPECT_EQ(with(nullptr).unpack(sealed, expected, unpacked), Defect::unknown_compressor);
    EXPECT_EQ(with(std::make_shared<RunLength>()).unpack(sealed, expected, unpacked), Defect::unknown_compressor);
}

TEST(Packer, a_value_over_the_cap_is_refused_with_both_sizes) {
    const auto packed = with(nullptr).pack(header_of_k(), Bytes(max_value_bytes + 1, 'x'));
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error(), Errc::value_too_large);
    EXPECT_NE(packed.error().message().find("1001"), std::string::npos);
    EXPECT_NE(packed.error().message().find("1000"), std::string::npos);
    EXPECT_TRUE(with(nullptr).pack(header_of_k(), Bytes(max_value_bytes, 'x')));
}

TEST(Packer, a_claim_over_the_cap_never_reaches_the_compressor) {
    const auto compressor = std::make_shared<RunLength>();
    Header header = header_of_k();
    header.compressor = compressor->id();
    header.raw_bytes = 800'000'000;
    const Bytes sealed = seal(header, Bytes(25'000, 'x'));
    Unpacked unpacked;
    EXPECT_EQ(with(compressor).unpack(sealed, expected, unpacked), Defect::too_large);
    EXPECT_EQ(compressor->decompressions, 0);
}

TEST(Packer, a_raw_value_over_the_readers_cap_is_too_large) {
    const auto packed = Packer(nullptr, 2000).pack(header_of_k(), Bytes(1001, 'x'));
    Unpacked unpacked;
    EXPECT_EQ(with(nullptr).unpack(packed->bytes, expected, unpacked), Defect::too_large);
}

TEST(Packer, what_the_compressor_cannot_undo_is_bad_compression) {
    Header header = header_of_k();
    header.compressor = 200;
    header.raw_bytes = 10;
    const Bytes sealed = seal(header, "xxx");
    Unpacked unpacked;
    EXPECT_EQ(with(std::make_shared<Failing>()).unpack(sealed, expected, unpacked), Defect::bad_compression);
    EXPECT_EQ(with(std::make_shared<WrongSize>()).unpack(sealed, expected, unpacked), Defect::bad_compression);
}

TEST(Packer, a_negative_takes_no_payload_and_no_compressor) {
    const Packer packer = with(std::make_shared<RunLength>());
    Header header = header_of_k();
    header.negative = true;
    const auto packed = packer.pack(header, Bytes(100, 'x'));
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->bytes.size(), header_bytes);
    Unpacked unpacked;
    ASSERT_EQ(packer.unpack(packed->bytes, expected, unpacked), Defect::none);
    EXPECT_TRUE(unpacked.header.negative);
    EXPECT_TRUE(unpacked.payload.empty());
}

TEST(Packer, the_format_cannot_carry_four_gibibytes_whatever_the_cap) {
    if constexpr (sizeof(std::size_t) > 4) {
        const BytesView claimed("x", std::size_t{1} << 32U); // refused by its size; never read
        const auto packed = Packer(nullptr, std::size_t{1} << 40U).pack(header_of_k(), claimed);
        ASSERT_FALSE(packed);
        EXPECT_EQ(packed.error(), Errc::value_too_large);
    }
}

TEST(Packer, an_unpacked_value_can_be_used_again) {
    const Packer packer = with(std::make_shared<RunLength>());
    const auto compressed = packer.pack(header_of_k(), Bytes(500, 'z'));
    const auto raw = packer.pack(header_of_k(), "raw");
    Unpacked unpacked;
    ASSERT_EQ(packer.unpack(compressed->bytes, expected, unpacked), Defect::none);
    ASSERT_EQ(packer.unpack(raw->bytes, expected, unpacked), Defect::none);
    EXPECT_EQ(unpacked.payload, "raw");
}

} // namespace
} // namespace tiercel::wire
