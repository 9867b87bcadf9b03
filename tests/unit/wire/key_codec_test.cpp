#include "codec_test_support.hpp"

#include <rapidcheck/gtest.h>

#include <limits>

namespace tiercel {
namespace {

enum class Level : signed char { low = -1, high = 1 };
enum class Wide : std::uint64_t { most = ~std::uint64_t{0} };
struct NoKey {};

static_assert(EncodableKey<std::string> && EncodableKey<int> && EncodableKey<bool> && EncodableKey<Level>);
static_assert(EncodableKey<std::vector<std::byte>> && EncodableKey<std::pair<int, std::string>>);
static_assert(!EncodableKey<NoKey> && !EncodableKey<const char*> && !EncodableKey<std::vector<NoKey>>);

template <class K>
Bytes key_bytes(const K& key) {
    Bytes out;
    EXPECT_TRUE(KeyCodec<K>::encode(key, out));
    return out;
}

template <class K>
bool key_comes_back(const K& key) {
    const Result<K> back = KeyCodec<K>::decode(key_bytes(key));
    return back && *back == key;
}

TEST(KeyCodec, strings_are_as_they_are) {
    EXPECT_EQ(key_bytes(std::string("user 42")), "user 42");
    EXPECT_TRUE(key_comes_back(std::string("a\0b", 3)));
}

TEST(KeyCodec, integers_are_decimal_text) {
    EXPECT_EQ(key_bytes(42), "42");
    EXPECT_EQ(key_bytes(-7L), "-7");
    EXPECT_EQ(key_bytes(std::uint8_t{200}), "200");
    EXPECT_EQ(key_bytes('a'), "97");
    EXPECT_EQ(key_bytes(true), "1");
    EXPECT_EQ(key_bytes(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(key_bytes(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(KeyCodec, enums_are_their_number) {
    EXPECT_EQ(key_bytes(Level::low), "-1");
    EXPECT_EQ(key_bytes(Wide::most), "18446744073709551615");
    EXPECT_TRUE(key_comes_back(Level::high));
}

TEST(KeyCodec, other_types_are_their_codecs_bytes) {
    const std::pair<bool, std::string> key{true, "x"};
    EXPECT_EQ(key_bytes(key), encoded(key));
    EXPECT_TRUE(key_comes_back(key));
}

TEST(KeyCodec, keys_append) {
    Bytes out = "users:";
    ASSERT_TRUE(KeyCodec<int>::encode(42, out));
    EXPECT_EQ(out, "users:42");
}

TEST(KeyCodec, only_the_form_that_is_written_is_read) {
    for (const BytesView text : {"", "-", "+1", "01", "-0", "1 ", " 1", "1x", "0x1", "1.0", "9223372036854775808"}) {
        EXPECT_FALSE(KeyCodec<std::int64_t>::decode(text)) << text;
    }
    EXPECT_FALSE(KeyCodec<std::int64_t>::decode(BytesView("1\0", 2)));
}

TEST(KeyCodec, numbers_out_of_the_keys_range_are_refused) {
    EXPECT_FALSE(KeyCodec<std::uint8_t>::decode("256"));
    EXPECT_FALSE(KeyCodec<std::uint8_t>::decode("-1"));
    EXPECT_FALSE(KeyCodec<std::int8_t>::decode("128"));
    EXPECT_FALSE(KeyCodec<bool>::decode("2"));
    EXPECT_FALSE(KeyCodec<std::uint64_t>::decode("18446744073709551616"));
    EXPECT_FALSE(KeyCodec<Level>::decode("300"));
}

RC_GTEST_PROP(KeyCodec, any_integer_comes_back, (std::int64_t wide, std::int8_t narrow, std::uint16_t positive)) {
    RC_ASSERT(key_comes_back(wide));
    RC_ASSERT(key_comes_back(narrow));
    RC_ASSERT(key_comes_back(positive));
}

} // namespace
} // namespace tiercel
