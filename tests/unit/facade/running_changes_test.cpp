// Bounds and policy of memory, changed while the cache runs.

#include <tiercel/cache.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tiercel {
namespace {

using Texts = Cache<int, std::string>;

Texts filled(int entries, Texts::Options options = {}) {
    options.name = "texts";
    options.memory.max_entries = static_cast<std::uint64_t>(entries);
    options.memory.eviction = eviction::lru();
    auto cache = Texts::create(std::move(options)).value();
    for (int key = 0; key < entries; ++key)
        EXPECT_TRUE(cache.put(key, "text"));
    return cache;
}

TEST(MemoryBounds, a_smaller_one_makes_the_next_to_leave_leave_at_once) {
    std::vector<int> left;
    Texts::Options options;
    options.memory.on_removal = [&](const int& key, const Handle<std::string>&, RemovalCause cause) {
        if (cause == RemovalCause::size) left.push_back(key);
    };
    const auto cache = filled(10, std::move(options));
    ASSERT_TRUE(cache.get(0)); // used: the last to leave
    ASSERT_TRUE(cache.set_memory_bounds({.max_entries = 3}));
    EXPECT_EQ(left, (std::vector{1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(cache.stats().memory.entries, 3U);
    EXPECT_EQ(cache.stats().memory.max_entries, 3U);
    left.clear();
    EXPECT_TRUE(cache.put(11, "text"));
    EXPECT_EQ(left, std::vector{8});
    EXPECT_TRUE(cache.get(0));
}

TEST(MemoryBounds, a_larger_one_lets_more_in) {
    const auto cache = filled(10);
    ASSERT_TRUE(cache.set_memory_bounds({.max_entries = 20}));
    for (int key = 100; key < 110; ++key)
        EXPECT_TRUE(cache.put(key, "text"));
    EXPECT_EQ(cache.stats().memory.entries, 20U);
    EXPECT_TRUE(cache.get(0));
}

TEST(MemoryBounds, contradictions_are_errors_that_name_the_field) {
    const auto cache = filled(10);
    const auto none = cache.set_memory_bounds({});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error(), Errc::invalid_option);
    EXPECT_NE(none.error().message().find("memory.max_entries"), std::string::npos);
    const auto weightless = cache.set_memory_bounds({.max_weight = 100});
    ASSERT_FALSE(weightless);
    EXPECT_NE(weightless.error().message().find("memory.weigher"), std::string::npos);
    EXPECT_EQ(cache.stats().memory.entries, 10U);
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(cache.set_memory_bounds({.max_entries = 3}).error(), Errc::closed);
    EXPECT_EQ(cache.set_eviction(eviction::fifo()).error(), Errc::closed);
}

TEST(SetEviction, keeps_the_entries_and_their_order) {
    for (const auto name : eviction::names()) {
        const auto cache = filled(10);
        ASSERT_TRUE(cache.set_eviction(*eviction::named(name))) << name;
        EXPECT_EQ(cache.stats().memory.entries, 10U) << name;
        ASSERT_TRUE(cache.set_eviction(eviction::fifo())) << name;
        for (int key = 10; key < 15; ++key)
            EXPECT_TRUE(cache.put(key, "text"));
        EXPECT_EQ(cache.stats().memory.entries, 10U) << name;
        for (int key = 10; key < 15; ++key)
            EXPECT_TRUE(cache.get(key)) << name;
    }
    const auto cache = filled(10);
    ASSERT_TRUE(cache.get(0));
    ASSERT_TRUE(cache.set_eviction(eviction::fifo()));
    EXPECT_TRUE(cache.put(10, "text"));
    EXPECT_TRUE(cache.get(0)) << "it was the last to leave, and is the youngest now";
    EXPECT_FALSE(cache.get(1));
}

} // namespace
} // namespace tiercel
