#include "codec_test_support.hpp"

#include <rapidcheck/gtest.h>

#include <set>

struct Sized {
    std::uint16_t value = 0;
};
template <>
struct tiercel::Codec<Sized> {
    static constexpr std::uint8_t id = 130;
    static constexpr std::size_t fixed_bytes = 2;
    static std::uint32_t schema() noexcept { return 0; }
    static Result<void> encode(const Sized& value, Bytes& out) {
        out.append(value.value, 's'); // keeps its promise for 2 only
        return {};
    }
    static Result<Sized> decode(BytesView bytes) { return Sized{static_cast<std::uint16_t>(bytes.size())}; }
};

struct Refuses {
    bool operator<(const Refuses&) const { return false; }
};
template <>
struct tiercel::Codec<Refuses> {
    static constexpr std::uint8_t id = 131;
    static std::uint32_t schema() noexcept { return 0; }
    static Result<void> encode(const Refuses&, Bytes&) { return Error(Errc::codec_failed, "refused to write"); }
    static Result<Refuses> decode(BytesView) { return Error(Errc::codec_failed, "refused to read"); }
};

struct NotEncodable {};

struct Colliding {
    std::size_t operator()(std::uint32_t) const noexcept { return 1; }
};

namespace tiercel {
namespace {

std::size_t largest_allocation = 0;

template <class T>
struct Measuring {
    using value_type = T;
    Measuring() = default;
    template <class U>
    explicit(false) Measuring(const Measuring<U>&) noexcept {}
    T* allocate(std::size_t count) {
        largest_allocation = std::max(largest_allocation, count * sizeof(T));
        return std::allocator<T>().allocate(count);
    }
    void deallocate(T* at, std::size_t count) noexcept { std::allocator<T>().deallocate(at, count); }
    bool operator==(const Measuring&) const = default;
};

using Strings = std::vector<std::string>;
using Map = std::map<std::string, int>;
using HashMap = std::unordered_map<std::string, int>;

static_assert(Encodable<Strings> && Encodable<std::vector<Strings>> && Encodable<std::vector<bool>>);
static_assert(Encodable<std::optional<Map>> && Encodable<HashMap> && Encodable<std::set<int>>);
static_assert(Encodable<std::unordered_set<std::string>> && Encodable<std::array<Strings, 3>>);
static_assert(Encodable<std::pair<int, std::string>> && Encodable<std::tuple<>> && Encodable<std::tuple<int, Map>>);
static_assert(Encodable<std::chrono::nanoseconds> && Encodable<std::chrono::duration<double>>);
static_assert(Encodable<std::chrono::sys_seconds> && Encodable<std::chrono::system_clock::time_point>);
static_assert(!Encodable<std::chrono::steady_clock::time_point>, "says nothing in another process");
static_assert(!Encodable<std::vector<NotEncodable>> && !Encodable<std::optional<NotEncodable>>);
static_assert(!Encodable<std::map<int, NotEncodable>> && !Encodable<std::map<NotEncodable, int>>);
static_assert(!Encodable<std::set<NotEncodable>> && !Encodable<std::tuple<int, NotEncodable>>);
static_assert(!Encodable<std::pair<NotEncodable, int>> && !Encodable<std::array<NotEncodable, 2>>);
static_assert(!Encodable<std::array<int, 0>> && !Encodable<std::vector<int*>>);

TEST(ContainerCodec, values_come_back) {
    EXPECT_TRUE(comes_back(Strings{"", "a", std::string(300, 'x')}));
    EXPECT_TRUE(comes_back(std::vector<Strings>{{}, {"a"}, {"b", "c"}}));
    EXPECT_TRUE(comes_back(std::vector<bool>{true, false, true}));
    EXPECT_TRUE(comes_back(std::vector<float>(1000, 1.5F)));
    EXPECT_TRUE(comes_back(std::optional<std::string>()));
    EXPECT_TRUE(comes_back(std::optional<std::string>("")));
    EXPECT_TRUE(comes_back(std::optional<std::optional<int>>(std::optional<int>())));
    EXPECT_TRUE(comes_back(Map{{"", 0}, {"one", 1}, {"two", 2}}));
    EXPECT_TRUE(comes_back(HashMap{{"one", 1}, {"two", 2}, {"three", 3}}));
    EXPECT_TRUE(comes_back(std::set<int>{3, 1, 2}));
    EXPECT_TRUE(comes_back(std::unordered_set<std::string>{"a", "b"}));
    EXPECT_TRUE(comes_back(std::array<std::string, 2>{"a", ""}));
    EXPECT_TRUE(comes_back(std::array<int, 3>{1, 2, 3}));
    EXPECT_TRUE(comes_back(std::pair<int, std::string>{1, "one"}));
    EXPECT_TRUE(comes_back(std::tuple<>()));
    EXPECT_TRUE(comes_back(std::tuple<int, std::string, std::vector<int>>{1, "one", {1}}));
    EXPECT_TRUE(comes_back(std::chrono::milliseconds(-5)));
    EXPECT_TRUE(comes_back(std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(77))));
}

TEST(ContainerCodec, the_bytes_are_as_documented) {
    EXPECT_EQ(encoded(Strings{"a", ""}), Bytes("\2\1a\0", 4));
    EXPECT_EQ(encoded(std::vector<std::uint16_t>{1, 2}), Bytes("\2\1\0\2\0", 5));
    EXPECT_EQ(encoded(Strings{std::string(300, 'x')}), "\1\xac\2" + std::string(300, 'x'));
    EXPECT_EQ(encoded(std::optional<int>()), Bytes("\0", 1));
    EXPECT_EQ(encoded(std::optional<std::string>("x")), "\1x");
    EXPECT_EQ(encoded(std::map<std::string, bool>{{"a", true}}), "\1\1a\1");
    EXPECT_EQ(encoded(std::pair<bool, std::string>{true, "x"}), "\1\1x");
    EXPECT_EQ(encoded(std::array<std::uint8_t, 2>{1, 2}), "\1\2");
    EXPECT_EQ(encoded(std::chrono::duration<std::uint16_t>(1)), Bytes("\1\0", 2));
}

TEST(ContainerCodec, parts_of_fixed_size_need_no_lengths) {
    using Point = std::tuple<std::uint8_t, std::uint8_t>;
    EXPECT_EQ(encoded(std::vector<Point>{{1, 2}, {3, 4}}), "\2\1\2\3\4");
    EXPECT_EQ((detail::fixed_bytes<std::array<std::pair<int, double>, 4>>()), 48U);
    EXPECT_EQ((detail::fixed_bytes<std::tuple<int, std::string>>()), 0U);
    EXPECT_EQ(detail::fixed_bytes<std::tuple<>>(), 0U);
}

TEST(ContainerCodec, cut_or_extended_bytes_are_malformed) {
    expect_no_shorter_or_longer_form(Strings{"a", "bc"});
    expect_no_shorter_or_longer_form(std::vector<std::uint32_t>{1, 2});
    expect_no_shorter_or_longer_form(Map{{"one", 1}, {"two", 2}});
    expect_no_shorter_or_longer_form(HashMap{{"one", 1}, {"two", 2}});
    expect_no_shorter_or_longer_form(std::set<std::string>{"a", "b"});
    expect_no_shorter_or_longer_form(std::array<std::string, 2>{"a", "b"});
    expect_no_shorter_or_longer_form(std::tuple<std::string, int>{"a", 1});
    expect_no_shorter_or_longer_form(std::pair<std::string, std::string>{"a", "b"});
    expect_no_shorter_or_longer_form(std::optional<int>(5));
    expect_no_shorter_or_longer_form(std::optional<int>());
    expect_no_shorter_or_longer_form(std::chrono::seconds(1));
}

TEST(ContainerCodec, equal_unordered_values_have_equal_bytes) {
    HashMap few_buckets;
    HashMap many_buckets;
    many_buckets.reserve(1000);
    for (int i = 0; i < 50; ++i) {
        few_buckets.emplace(std::to_string(i), i);
        many_buckets.emplace(std::to_string(49 - i), 49 - i);
    }
    ASSERT_EQ(few_buckets, many_buckets);
    EXPECT_EQ(encoded(few_buckets), encoded(many_buckets));
}

TEST(ContainerCodec, ordered_and_unordered_maps_read_each_other) {
    EXPECT_EQ(Codec<Map>::schema(), Codec<HashMap>::schema());
    EXPECT_EQ(*Codec<HashMap>::decode(encoded(Map{{"one", 1}})), (HashMap{{"one", 1}}));
    EXPECT_EQ(*Codec<Map>::decode(encoded(HashMap{{"one", 1}})), (Map{{"one", 1}}));
}

TEST(ContainerCodec, a_key_that_stands_twice_is_malformed) {
    EXPECT_FALSE((decodes<std::set<std::string>>("\2\1a\1a")));
    EXPECT_FALSE((decodes<std::set<std::string>>("\2\1a\1a\1b"))); // nor is it passed over
    EXPECT_FALSE((decodes<std::unordered_set<std::string>>("\2\1a\1a")));
    EXPECT_FALSE((decodes<std::map<std::string, bool>>(BytesView("\2\1a\0\1a\1", 7))));
    EXPECT_FALSE((decodes<std::unordered_map<std::string, bool>>(BytesView("\2\1a\0\1a\1", 7))));
}

TEST(ContainerCodec, a_count_beyond_the_bytes_is_refused_before_allocating) {
    const Bytes huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"; // 2^64 - 1
    const Bytes billion = "\x80\x94\xeb\xdc\x03";
    for (const Bytes& count : {huge, billion}) {
        EXPECT_FALSE(decodes<Strings>(count + "aaaa"));
        EXPECT_FALSE(decodes<std::vector<double>>(count + "aaaa"));
        EXPECT_FALSE(decodes<std::vector<std::tuple<>>>(count + "aaaa"));
        EXPECT_FALSE(decodes<Map>(count + "aaaa"));
        EXPECT_FALSE(decodes<std::unordered_set<int>>(count + "aaaa"));
        EXPECT_FALSE((decodes<std::pair<std::string, int>>(count + "aaaa")));
    }
}

TEST(ContainerCodec, room_is_made_only_for_what_the_bytes_can_hold) {
    Bytes count;
    detail::put_varint(1'000'000, count);
    largest_allocation = 0;
    EXPECT_FALSE((decodes<std::vector<double, Measuring<double>>>(count + Bytes(100, 'a'))));
    EXPECT_FALSE((decodes<std::vector<Strings, Measuring<Strings>>>(count + Bytes(100, 'a'))));
    EXPECT_LE(largest_allocation, 200U);

    // As many entries as bytes, but each of them larger in memory.
    largest_allocation = 0;
    EXPECT_FALSE((decodes<std::vector<Strings, Measuring<Strings>>>(count + "a" + Bytes(999'999, '\0'))));
    EXPECT_LE(largest_allocation, 1'100'000U);
}

TEST(ContainerCodec, lengths_have_one_form) {
    EXPECT_TRUE(decodes<Strings>(Bytes("\0", 1)));
    EXPECT_FALSE(decodes<Strings>(Bytes("\x80\0", 2)));                                  // 0 in two bytes
    EXPECT_FALSE(decodes<Strings>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));          // over 64 bits
    EXPECT_FALSE(decodes<Strings>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));      // eleven bytes
    EXPECT_FALSE(decodes<Strings>(Bytes("\x81\x80\x80\x80\x80\x80\x80\x80\x80\0", 10))); // 1 in ten bytes
}

TEST(ContainerCodec, an_optional_is_empty_or_full) {
    EXPECT_FALSE(decodes<std::optional<std::string>>(""));
    EXPECT_FALSE(decodes<std::optional<std::string>>("\2x"));
    EXPECT_FALSE(decodes<std::optional<std::string>>(BytesView("\0x", 2)));
}

TEST(ContainerCodec, keys_made_to_collide_are_refused_not_waited_for) {
    using Collides = std::unordered_set<std::uint32_t, Colliding>;
    Collides few;
    for (std::uint32_t i = 0; i < 100; ++i)
        few.insert(i);
    EXPECT_TRUE(comes_back(few));
    Bytes many;
    detail::put_varint(1'000'000, many);
    for (std::uint32_t i = 0; i < 1'000'000; ++i)
        ASSERT_TRUE(Codec<std::uint32_t>::encode(i, many));
    EXPECT_FALSE(decodes<Collides>(many));
    EXPECT_TRUE(decodes<std::unordered_set<std::uint32_t>>(many));
}

TEST(ContainerCodec, the_error_of_a_parts_codec_is_passed_on) {
    Bytes out;
    EXPECT_EQ(Codec<std::vector<Refuses>>::encode({Refuses()}, out).error().message(), "refused to write");
    EXPECT_EQ((Codec<std::map<Refuses, int>>::encode({{Refuses(), 1}}, out).error().message()), "refused to write");
    EXPECT_EQ((Codec<std::pair<int, Refuses>>::encode({1, Refuses()}, out).error().message()), "refused to write");
    EXPECT_EQ(Codec<std::optional<Refuses>>::encode(Refuses(), out).error().message(), "refused to write");
    EXPECT_EQ((Codec<std::array<Refuses, 2>>::decode(BytesView("\0\0", 2)).error().message()), "refused to read");
    EXPECT_EQ(Codec<std::vector<Refuses>>::decode(BytesView("\1\0", 2)).error().message(), "refused to read");
}

TEST(ContainerCodec, a_codec_that_breaks_its_fixed_size_is_an_error_not_damage) {
    Bytes out;
    EXPECT_TRUE(Codec<std::vector<Sized>>::encode({Sized{2}}, out));
    const Result<void> broken = Codec<std::vector<Sized>>::encode({Sized{3}}, out);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error(), Errc::codec_failed);
}

TEST(ContainerCodec, schemas_tell_what_is_inside) {
    const std::set<std::uint32_t> schemas{
        Codec<std::vector<int>>::schema(),
        Codec<std::vector<unsigned>>::schema(),
        Codec<std::vector<std::vector<int>>>::schema(),
        Codec<std::optional<int>>::schema(),
        Codec<std::set<int>>::schema(),
        Codec<std::map<int, int>>::schema(),
        Codec<std::pair<int, int>>::schema(),
        Codec<std::tuple<int, int, int>>::schema(),
        Codec<std::tuple<int, std::tuple<int, int>>>::schema(),
        Codec<std::array<int, 2>>::schema(),
        Codec<std::array<int, 3>>::schema(),
        Codec<std::chrono::seconds>::schema(),
        Codec<std::chrono::milliseconds>::schema(),
        Codec<std::chrono::sys_seconds>::schema(),
        Codec<std::int64_t>::schema(),
    };
    EXPECT_EQ(schemas.size(), 15U);
    EXPECT_EQ((Codec<std::pair<int, bool>>::schema()), (Codec<std::tuple<int, bool>>::schema()));
    static_assert(Codec<Map>::schema() == 0x851C7AD6, "written into every envelope");
}

using Everything = std::map<std::string, std::tuple<std::optional<std::vector<std::string>>, std::set<std::int16_t>>>;

RC_GTEST_PROP(ContainerCodec, any_nested_value_comes_back, ()) {
    Everything value;
    for (const auto& key : *rc::gen::arbitrary<std::vector<std::string>>()) {
        auto& [strings, numbers] = value[key];
        if (*rc::gen::arbitrary<bool>()) strings = *rc::gen::arbitrary<std::vector<std::string>>();
        numbers = *rc::gen::arbitrary<std::set<std::int16_t>>();
    }
    RC_ASSERT(comes_back(value));
}

RC_GTEST_PROP(ContainerCodec, whatever_bytes_decode_encode_to_the_same_bytes, (const std::string& bytes)) {
    using Value = std::vector<std::optional<std::pair<std::string, bool>>>;
    const Result<Value> value = Codec<Value>::decode(bytes);
    if (value) RC_ASSERT(encoded(*value) == bytes);
}

} // namespace
} // namespace tiercel
