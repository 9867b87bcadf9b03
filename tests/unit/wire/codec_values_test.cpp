#include "codec_test_support.hpp"

#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <set>

enum class Colour : std::uint8_t { red = 1, green = 2 };
enum class Signed : int { minus = -5 };
enum Closed { closed_one, closed_two };
enum Named : short { named_one = 1 };

struct Candle {
    double open = 0;
    double close = 0;
    std::uint32_t volume = 0;
    std::uint32_t trades = 0;
    bool operator==(const Candle&) const = default;
};
template <>
inline constexpr bool tiercel::enable_raw_bytes<Candle> = true;
template <>
inline constexpr std::uint32_t tiercel::raw_bytes_schema<Candle> = 1;

struct OtherCandle : Candle {};
template <>
inline constexpr bool tiercel::enable_raw_bytes<OtherCandle> = true;
template <>
inline constexpr std::uint32_t tiercel::raw_bytes_schema<OtherCandle> = 2;

struct NotOptedIn {
    int x = 0;
};

struct NotTrivial {
    std::string text;
};
template <>
inline constexpr bool tiercel::enable_raw_bytes<NotTrivial> = true;

struct Invoice {
    int number = 0;
    bool operator==(const Invoice&) const = default;
};
template <>
struct tiercel::Codec<Invoice> {
    static constexpr std::uint8_t id = 128;
    static std::uint32_t schema() noexcept { return 3; }
    static Result<void> encode(const Invoice& value, Bytes& out) {
        if (value.number < 0) return Error(Errc::codec_failed, "negative");
        out.append(static_cast<std::size_t>(value.number), 'i');
        return {};
    }
    static Result<Invoice> decode(BytesView bytes) { return Invoice{static_cast<int>(bytes.size())}; }
};

struct HalfACodec {};
template <>
struct tiercel::Codec<HalfACodec> {
    static constexpr std::uint8_t id = 129;
    static std::uint32_t schema() noexcept { return 0; }
    static Result<void> encode(const HalfACodec&, Bytes&) { return {}; }
};

namespace tiercel {
namespace {

static_assert(Encodable<std::string> && Encodable<std::vector<std::byte>> && Encodable<std::vector<unsigned char>>);
static_assert(Encodable<bool> && Encodable<char> && Encodable<wchar_t> && Encodable<char8_t> && Encodable<char32_t>);
static_assert(Encodable<int> && Encodable<unsigned long long> && Encodable<float> && Encodable<double>);
static_assert(Encodable<Colour> && Encodable<Signed> && Encodable<Named> && Encodable<std::byte>);
static_assert(Encodable<Candle> && Encodable<Invoice>);
static_assert(!Encodable<void> && !Encodable<void*> && !Encodable<const char*> && !Encodable<std::string_view>);
static_assert(!Encodable<int&> && !Encodable<const int> && !Encodable<int[3]>);
static_assert(!Encodable<long double>, "its bytes differ between machines");
static_assert(!Encodable<Closed>, "bytes outside its range would be undefined behaviour");
static_assert(!Encodable<NotOptedIn> && !Encodable<NotTrivial> && !Encodable<HalfACodec>);

TEST(ValueCodec, strings_and_byte_vectors_are_their_own_bytes) {
    EXPECT_EQ(encoded(std::string("a\0b", 3)), Bytes("a\0b", 3));
    EXPECT_EQ(encoded(std::vector<std::byte>{std::byte{1}, std::byte{255}}), "\x01\xff");
    EXPECT_TRUE(comes_back(std::string()));
    EXPECT_TRUE(comes_back(std::string(100'000, '\0')));
    EXPECT_TRUE(comes_back(std::vector<unsigned char>()));
    EXPECT_TRUE(comes_back(std::vector<unsigned char>{0, 1, 255}));
    EXPECT_TRUE(comes_back(std::vector<std::byte>{std::byte{7}}));
}

TEST(ValueCodec, numbers_are_little_endian_and_fixed) {
    EXPECT_EQ(encoded(std::uint32_t{0x01020304}), Bytes("\x04\x03\x02\x01"));
    EXPECT_EQ(encoded(std::int16_t{-2}), Bytes("\xfe\xff"));
    EXPECT_EQ(encoded(1.0), Bytes("\0\0\0\0\0\0\xf0\x3f", 8));
    EXPECT_EQ(encoded(true), Bytes("\1"));
    EXPECT_EQ(encoded('x'), "x");
}

TEST(ValueCodec, encoding_appends) {
    Bytes out = "before ";
    EXPECT_TRUE(Codec<std::string>::encode("after", out));
    EXPECT_TRUE(Codec<char>::encode('!', out));
    EXPECT_EQ(out, "before after!");
}

template <class T>
class NumberCodec : public ::testing::Test {};
using Numbers =
    ::testing::Types<bool, char, signed char, unsigned char, short, unsigned short, int, unsigned, long, unsigned long,
                     long long, unsigned long long, wchar_t, char8_t, char16_t, char32_t, float, double>;
TYPED_TEST_SUITE(NumberCodec, Numbers);

TYPED_TEST(NumberCodec, limits_come_back) {
    using Limits = std::numeric_limits<TypeParam>;
    for (const TypeParam value : {Limits::min(), Limits::max(), Limits::lowest(), TypeParam{}, TypeParam{1}}) {
        EXPECT_TRUE(comes_back(value));
    }
}

TYPED_TEST(NumberCodec, any_other_size_is_malformed) {
    expect_no_shorter_or_longer_form(TypeParam{1});
}

TEST(ValueCodec, unusual_floats_keep_their_bits) {
    EXPECT_TRUE(std::signbit(*Codec<double>::decode(encoded(-0.0))));
    EXPECT_TRUE(std::isnan(*Codec<float>::decode(encoded(std::numeric_limits<float>::quiet_NaN()))));
    EXPECT_TRUE(comes_back(std::numeric_limits<double>::denorm_min()));
    EXPECT_TRUE(comes_back(-std::numeric_limits<double>::infinity()));
}

TEST(ValueCodec, a_bool_is_nothing_but_0_or_1) {
    for (int byte = 2; byte < 256; ++byte)
        EXPECT_FALSE(decodes<bool>(Bytes(1, static_cast<char>(byte))));
}

TEST(ValueCodec, enums_are_their_number) {
    EXPECT_EQ(encoded(Colour::green), "\x02");
    EXPECT_EQ(encoded(Signed::minus), encoded(-5));
    EXPECT_TRUE(comes_back(Colour::red));
    EXPECT_TRUE(comes_back(named_one));
    EXPECT_EQ(*Codec<Colour>::decode("\x09"), static_cast<Colour>(9));
    expect_no_shorter_or_longer_form(Signed::minus);
}

TEST(ValueCodec, raw_types_are_their_memory) {
    const Candle candle{1.5, 2.5, 100, 7};
    EXPECT_EQ(encoded(candle).size(), sizeof(Candle));
    EXPECT_TRUE(comes_back(candle));
    expect_no_shorter_or_longer_form(candle);
}

TEST(ValueCodec, a_users_codec_is_used) {
    EXPECT_TRUE(comes_back(Invoice{12}));
    EXPECT_EQ(Codec<Invoice>::id, 128);
}

TEST(ValueCodec, ids_are_as_documented) {
    EXPECT_EQ(Codec<std::string>::id, 1);
    EXPECT_EQ(Codec<std::vector<std::byte>>::id, 1);
    EXPECT_EQ(Codec<int>::id, 2);
    EXPECT_EQ(Codec<Colour>::id, 2);
    EXPECT_EQ(Codec<Candle>::id, 3);
}

TEST(ValueCodec, schemas_tell_types_of_other_meaning_apart) {
    const std::set<std::uint32_t> schemas{
        Codec<bool>::schema(),          Codec<char>::schema(),          Codec<std::int8_t>::schema(),
        Codec<std::uint8_t>::schema(),  Codec<std::int16_t>::schema(),  Codec<std::uint16_t>::schema(),
        Codec<std::int32_t>::schema(),  Codec<std::uint32_t>::schema(), Codec<std::int64_t>::schema(),
        Codec<std::uint64_t>::schema(), Codec<float>::schema(),         Codec<double>::schema(),
        Codec<Colour>::schema(),        Codec<Signed>::schema(),        Codec<Candle>::schema(),
        Codec<OtherCandle>::schema(),
    };
    EXPECT_EQ(schemas.size(), 16U);
}

TEST(ValueCodec, schemas_of_the_same_form_are_the_same) {
    EXPECT_EQ(Codec<long long>::schema(), Codec<std::int64_t>::schema());
    EXPECT_EQ(Codec<long>::schema(), Codec<std::int64_t>::schema());
    EXPECT_EQ(Codec<std::vector<std::byte>>::schema(), Codec<std::string>::schema());
}

// Written into every envelope: a change here makes every stored value a miss.
TEST(ValueCodec, schemas_are_stable) {
    static_assert(Codec<std::string>::schema() == 0);
    static_assert(Codec<std::int32_t>::schema() == 0x57D3B76B);
    static_assert(Codec<double>::schema() == 0x19E58C37);
    static_assert(Codec<Colour>::schema() == 0x5769D838);
}

RC_GTEST_PROP(ValueCodec, any_string_comes_back, (const std::string& value)) {
    RC_ASSERT(comes_back(value));
}

RC_GTEST_PROP(ValueCodec, any_number_comes_back, (std::int64_t whole, float part)) {
    RC_ASSERT(comes_back(whole));
    RC_ASSERT(comes_back(part));
}

} // namespace
} // namespace tiercel
