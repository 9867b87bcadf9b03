#include "wire/manifest.hpp"

#include "wire/envelope.hpp"
#include "wire/xx_hash.hpp"

#include <boost/endian/conversion.hpp>
#include <gtest/gtest.h>

namespace tiercel::wire {
namespace {

constexpr std::uint64_t terabyte = std::uint64_t{1} << 40;

Manifest sample() {
    return describe_chunks(Bytes(2500, 'v'), 1000, {0x0123456789ABCDEF, 0xFEDCBA9876543210});
}

/// A manifest with other bytes at `offset`, whose own checksum is right.
Bytes forged(std::size_t offset, BytesView bytes) {
    Bytes record = write_manifest(sample());
    record.replace(offset, bytes.size(), bytes);
    const auto sum = boost::endian::native_to_little(xxh3_64(BytesView(record).substr(0, 40), 0));
    record.replace(40, 8, reinterpret_cast<const char*>(&sum), 8);
    return record;
}

TEST(Manifest, is_read_as_it_was_written) {
    const auto record = write_manifest(sample());
    EXPECT_EQ(record.size(), manifest_bytes);
    EXPECT_TRUE(looks_like_manifest(record));
    const auto read = read_manifest(record, terabyte);
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == sample());
}

TEST(Manifest, the_last_chunk_has_the_rest) {
    const auto manifest = sample();
    EXPECT_EQ(manifest.chunk_count(), 3u);
    EXPECT_EQ(manifest.size(0), 1000u);
    EXPECT_EQ(manifest.size(2), 500u);
    EXPECT_EQ(manifest.offset(2), 2000u);
    const auto even = describe_chunks(Bytes(2000, 'v'), 1000, {});
    EXPECT_EQ(even.chunk_count(), 2u);
    EXPECT_EQ(even.size(1), 1000u);
    EXPECT_EQ(describe_chunks(Bytes(1, 'v'), 1000, {}).chunk_count(), 1u);
}

TEST(Manifest, no_envelope_looks_like_one) {
    EXPECT_FALSE(looks_like_manifest(seal({}, "payload")));
    EXPECT_FALSE(looks_like_manifest(""));
}

TEST(Manifest, with_any_byte_changed_is_none) {
    const auto record = write_manifest(sample());
    for (std::size_t i = 0; i < record.size(); ++i) {
        for (const char flip : {'\x01', '\x80', '\xff'}) {
            auto changed = record;
            changed[i] = static_cast<char>(changed[i] ^ flip);
            EXPECT_FALSE(read_manifest(changed, terabyte)) << i;
        }
    }
}

TEST(Manifest, of_another_length_is_none) {
    const auto record = write_manifest(sample());
    for (std::size_t size = 0; size < record.size(); ++size)
        EXPECT_FALSE(read_manifest(BytesView(record).substr(0, size), terabyte)) << size;
    EXPECT_FALSE(read_manifest(record + '\0', terabyte));
}

TEST(Manifest, of_another_format_version_is_none) {
    EXPECT_TRUE(read_manifest(forged(1, "\x01"), terabyte));
    EXPECT_FALSE(read_manifest(forged(1, "\x02"), terabyte));
}

TEST(Manifest, of_more_bytes_than_the_cap_is_none) {
    EXPECT_TRUE(read_manifest(write_manifest(sample()), 2500));
    EXPECT_FALSE(read_manifest(write_manifest(sample()), 2499));
    EXPECT_FALSE(read_manifest(forged(8, Bytes(8, '\xff')), terabyte));
}

TEST(Manifest, of_more_chunks_than_the_cap_is_none) {
    const auto most = describe_chunks(Bytes(most_chunks, 'v'), 1, {});
    EXPECT_TRUE(read_manifest(write_manifest(most), terabyte));
    const auto more = describe_chunks(Bytes(most_chunks + 1, 'v'), 1, {});
    EXPECT_FALSE(read_manifest(write_manifest(more), terabyte));
    EXPECT_FALSE(read_manifest(forged(4, BytesView("\x01\0\0\0", 4)), terabyte)) << "2,500 chunks of a byte";
}

TEST(Manifest, at_odds_with_itself_is_none) {
    EXPECT_FALSE(read_manifest(forged(2, BytesView("\x04\0", 2)), terabyte)) << "four chunks";
    EXPECT_FALSE(read_manifest(forged(4, BytesView("\0\0\0\0", 4)), terabyte)) << "chunks of nothing";
    EXPECT_FALSE(read_manifest(forged(8, Bytes(8, '\0')), terabyte)) << "nothing in chunks";
}

TEST(ChunkKeys, are_told_from_other_keys) {
    const WriteId id{0x0123456789ABCDEF, 0xFEDCBA9876543210};
    EXPECT_EQ(chunk_key(id, 0), Bytes("\0chunk:FEDCBA98765432100123456789ABCDEF:0", 41));
    EXPECT_TRUE(is_chunk_key(chunk_key(id, 0)));
    EXPECT_TRUE(is_chunk_key(chunk_key({}, most_chunks - 1)));
    auto key = chunk_key(id, 7);
    EXPECT_FALSE(is_chunk_key(BytesView(key).substr(1)));
    EXPECT_FALSE(is_chunk_key(BytesView(key).substr(0, key.size() - 1)));
    EXPECT_FALSE(is_chunk_key(key + "x"));
    EXPECT_FALSE(is_chunk_key(key + "0000"));
    key[10] = 'g';
    EXPECT_FALSE(is_chunk_key(key));
    EXPECT_FALSE(is_chunk_key("\0chunk:"));
}

} // namespace
} // namespace tiercel::wire
