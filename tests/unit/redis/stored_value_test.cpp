#include "stored_value.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

TEST(StoredValue, ends_with_its_version_in_little_endian) {
    Bytes stored;
    encode_stored("abc", spi::Version(0x0102030405060708), stored);
    EXPECT_EQ(stored, "abc\x08\x07\x06\x05\x04\x03\x02\x01");
}

TEST(StoredValue, comes_back_with_its_version) {
    for (const BytesView value : {BytesView(""), BytesView("x"), BytesView("\0\xff\0", 3)}) {
        Bytes stored;
        encode_stored(value, spi::Version(0xfedcba9876543210), stored);
        const auto found = decode_stored(stored);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->value, value);
        EXPECT_EQ(found->version, spi::Version(0xfedcba9876543210));
        EXPECT_FALSE(found->remaining_ttl);
    }
}

TEST(StoredValue, is_not_what_is_shorter_than_a_version) {
    EXPECT_FALSE(decode_stored(""));
    EXPECT_FALSE(decode_stored("1234567"));
}

} // namespace
} // namespace tiercel::redis
