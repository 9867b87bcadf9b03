#include <tiercel/cache.hpp>
#include <tiercel/described.hpp>
#include <tiercel/memory_backend.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/operators.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

namespace tiercel::facade_test {

enum class Colour : std::uint8_t { red = 1, green = 2, blue = 200 };

struct Place {
    std::string city;
    std::int32_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Place, (), (city, number))
using boost::describe::operators::operator==;

/// Hashed by a specialisation of std::hash, and in no codec: for memory alone.
struct Point {
    int x = 0;
    int y = 0;
    bool operator==(const Point&) const = default;
};

} // namespace tiercel::facade_test

template <>
struct tiercel::Hash<tiercel::facade_test::Place> {
    std::size_t operator()(const tiercel::facade_test::Place& place) const {
        return tiercel::Hash<std::tuple<std::string, std::int32_t>>{}({place.city, place.number});
    }
};

template <>
struct std::hash<tiercel::facade_test::Point> {
    std::size_t operator()(const tiercel::facade_test::Point& point) const noexcept {
        return static_cast<std::size_t>(point.x) * 31 + static_cast<std::size_t>(point.y);
    }
};

namespace tiercel {
namespace {

using namespace facade_test;

/// Each key finds its own value in a tier, after a restart of the process too, and can be listed from there.
template <class K>
void expect_keys_work_through_a_tier(const std::vector<K>& keys) {
    const auto backend = memory_backend::create().value();
    const auto made = [&] {
        typename Cache<K, std::string>::Options options;
        options.name = "keys";
        options.tiers = {{.backend = backend, .name = "tier"}};
        return Cache<K, std::string>::create(std::move(options)).value();
    };
    {
        const auto cache = made();
        for (std::size_t i = 0; i < keys.size(); ++i) {
            ASSERT_TRUE(cache.put(keys[i], "of key " + std::to_string(i))->complete());
        }
    }
    const auto cache = made();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto found = cache.get(keys[i], {.skip = Skip::memory()});
        ASSERT_TRUE(found) << "key " << i;
        EXPECT_EQ(*found, "of key " + std::to_string(i));
    }
    const auto report = cache.prime_from("tier");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->counts.from_tiers, keys.size());
    const auto all = cache.get_many(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_TRUE(all[i]);
        EXPECT_EQ(all[i].source().kind, Source::Kind::memory);
        EXPECT_EQ(*all[i], "of key " + std::to_string(i));
    }
    ASSERT_TRUE(cache.invalidate(keys.front())->complete());
    EXPECT_FALSE(cache.get(keys.front()));
}

TEST(Key, may_be_an_integer) {
    expect_keys_work_through_a_tier<int>({0, 1, -1, 10, 100, std::numeric_limits<int>::min()});
    expect_keys_work_through_a_tier<std::uint64_t>({0, 1, std::numeric_limits<std::uint64_t>::max()});
    expect_keys_work_through_a_tier<char>({'\0', 'a', '\xff'});
}

TEST(Key, may_be_an_enum) {
    expect_keys_work_through_a_tier<Colour>({Colour::red, Colour::green, Colour::blue});
}

TEST(Key, may_be_a_string) {
    expect_keys_work_through_a_tier<std::string>({"", "a", "A", "a b", std::string("\0", 1), std::string(300, 'k')});
}

TEST(Key, may_be_a_described_struct_with_a_hash) {
    expect_keys_work_through_a_tier<Place>({{"Paris", 1}, {"Paris", 2}, {"Rome", 1}, {"", 0}});
}

TEST(Key, may_be_a_tuple) {
    using Two = std::tuple<std::string, int>;
    expect_keys_work_through_a_tier<Two>({{"a", 1}, {"a", 2}, {"b", 1}, {"a1", 1}, {"", 11}});
}

TEST(Key, of_a_type_without_codec_works_in_memory) {
    Cache<Point, std::string>::Options options;
    options.name = "points";
    const auto cache = Cache<Point, std::string>::create(options).value();
    ASSERT_TRUE(cache.put({1, 2}, "here"));
    EXPECT_EQ(*cache.get({1, 2}), "here");
    EXPECT_FALSE(cache.get({2, 1}));

    options.tiers = {{.backend = memory_backend::create()}};
    const auto refused = Cache<Point, std::string>::create(options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), Errc::invalid_option);
    EXPECT_NE(refused.error().message().find("<tiercel/described.hpp>"), std::string::npos);
}

TEST(HashOf, tuples_depends_on_every_part_and_on_their_order) {
    using Three = std::tuple<int, std::string, char>;
    std::unordered_set<std::uint64_t> hashes;
    for (int number = 0; number < 10; ++number) {
        for (const std::string text : {"", "a", "b"}) {
            for (const char letter : {'x', 'y'})
                hashes.insert(hash_of(Three(number, text, letter)));
        }
    }
    EXPECT_EQ(hashes.size(), 60U);
    EXPECT_NE(hash_of(std::tuple(1, 2)), hash_of(std::tuple(2, 1)));
    EXPECT_NE(hash_of(std::tuple(0, 0)), hash_of(std::tuple(0)));
    EXPECT_EQ(hash_of(std::tuple<std::tuple<int>, Point>({1}, {2, 3})),
              hash_of(std::tuple<std::tuple<int>, Point>({1}, {2, 3})));
}

TEST(HashOf, neighbouring_integers_differs_in_high_and_low_bits) {
    std::unordered_set<std::uint64_t> low, high;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        low.insert(hash_of(i) & 0xffff);
        high.insert(hash_of(i) >> 48);
    }
    EXPECT_GT(low.size(), 950U);
    EXPECT_GT(high.size(), 950U);
}

} // namespace
} // namespace tiercel
