// Weighers, weights and hashes that misbehave, in a cache of memory alone.

#include <tiercel/cache.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <stdexcept>
#include <string>

namespace tiercel::facade_test {

/// Hashed to the same number, whatever it is.
struct Crowded {
    int number = 0;
    bool operator==(const Crowded&) const = default;
};

} // namespace tiercel::facade_test

template <>
struct tiercel::Hash<tiercel::facade_test::Crowded> {
    std::size_t operator()(const tiercel::facade_test::Crowded&) const noexcept { return 7; }
};

namespace tiercel {
namespace {

using facade_test::Crowded;

using Texts = Cache<std::string, std::string>;

template <class Weigher>
Texts::Options weighed(Weigher weigher) {
    Texts::Options options;
    options.name = "texts";
    options.memory.max_entries = 0;
    options.memory.max_weight = 100;
    options.memory.weigher = std::move(weigher);
    return options;
}

/// The value is given back, is not held, replaces nothing that stays, and is counted.
void expect_refused(const Texts& cache, const std::string& value) {
    const auto before = cache.stats().memory;
    ASSERT_TRUE(cache.put("other", "fine"));
    ASSERT_TRUE(cache.put("key", "fine"));
    const auto report = cache.put("key", value);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_FALSE(report->in_memory);
    EXPECT_FALSE(cache.get("key")) << "the older value must not be served";
    EXPECT_EQ(*cache.get("other"), "fine");
    EXPECT_EQ(**cache.get_or_load("key", [&](const std::string&) { return value; }), value);
    EXPECT_FALSE(cache.get("key"));
    const auto after = cache.stats().memory;
    EXPECT_EQ(after.too_heavy, before.too_heavy + 2);
    EXPECT_EQ(after.weight, 4U);
    EXPECT_EQ(after.entries, 1U);
}

TEST(BadWeigher, one_that_throws_keeps_the_value_out_of_memory) {
    const auto cache = Texts::create(weighed([](const std::string&, const std::string& value) -> std::uint64_t {
                           if (value == "bad") throw std::runtime_error("cannot say");
                           return value.size();
                       })).value();
    expect_refused(cache, "bad");
}

TEST(BadWeigher, a_negative_weight_is_a_huge_one) {
    const auto cache = Texts::create(weighed([](const std::string&, const std::string& value) {
                           return value == "bad" ? static_cast<std::uint64_t>(-1) : value.size();
                       })).value();
    expect_refused(cache, "bad");
}

TEST(BadWeigher, what_is_heavier_than_the_whole_bound_is_refused_and_what_is_as_heavy_is_not) {
    const auto cache =
        Texts::create(weighed([](const std::string&, const std::string& value) { return value.size(); })).value();
    expect_refused(cache, std::string(101, 'v'));
    ASSERT_TRUE(cache.put("key", std::string(100, 'v')));
    EXPECT_TRUE(cache.get("key"));
    EXPECT_EQ(cache.stats().memory.weight, 100U);
}

TEST(BadHash, that_is_the_same_for_all_keys_costs_time_and_nothing_else) {
    constexpr int keys = 2'000;
    Cache<Crowded, int>::Options options;
    options.name = "crowded";
    options.memory.max_entries = keys;
    const auto cache = Cache<Crowded, int>::create(std::move(options)).value();
    for (int number = 0; number < keys; ++number)
        ASSERT_TRUE(cache.put({number}, number));
    for (int number = 0; number < keys; number += 2)
        ASSERT_TRUE(cache.invalidate({number}));
    for (int number = 0; number < keys; ++number) {
        const auto found = cache.get({number});
        ASSERT_EQ(static_cast<bool>(found), number % 2 == 1) << number;
        if (found) {
            ASSERT_EQ(*found, number);
        }
    }
    EXPECT_EQ(cache.stats().memory.entries, keys / 2U);
}

TEST(BadKeys, that_differ_in_the_last_byte_only_are_different_keys) {
    Texts::Options options;
    options.name = "texts";
    const auto cache = Texts::create(std::move(options)).value();
    const auto key = [](int last) { return std::string(100, '\0') + static_cast<char>(last); };
    for (int last = 0; last < 256; ++last)
        ASSERT_TRUE(cache.put(key(last), std::to_string(last)));
    ASSERT_TRUE(cache.invalidate(key(77)));
    for (int last = 0; last < 256; ++last) {
        const auto found = cache.get(key(last));
        ASSERT_EQ(static_cast<bool>(found), last != 77);
        if (found) {
            ASSERT_EQ(*found, std::to_string(last));
        }
    }
}

} // namespace
} // namespace tiercel
