#include <tiercel/cache.hpp>
#include <tiercel/memory_backend.hpp>
#include <tiercel/spi/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace tiercel {
namespace {

using namespace std::chrono_literals;

/// Counts how many of it there are.
struct Counted {
    explicit Counted(int number) : value(number) { ++alive; }
    Counted(Counted&& other) noexcept : value(other.value) { ++alive; }
    Counted(const Counted&) = delete;
    ~Counted() { --alive; }
    int value;
    static inline int alive = 0;
};

template <class V>
Cache<int, V> small(std::uint64_t entries = 100) {
    typename Cache<int, V>::Options options;
    options.name = "small";
    options.memory.max_entries = entries;
    options.memory.eviction = eviction::lru();
    options.memory.shards = 1;
    return Cache<int, V>::create(std::move(options)).value();
}

TEST(HandleOf, a_miss_is_empty_and_knows_nothing) {
    const auto cache = small<std::string>();
    const auto miss = cache.get(1);
    EXPECT_FALSE(miss);
    EXPECT_EQ(miss.get(), nullptr);
    EXPECT_FALSE(miss.known_absent());
    EXPECT_EQ(miss.source(), Source{});
    EXPECT_EQ(miss.age(), 0ns);
}

TEST(HandleOf, a_value_outlives_its_eviction_its_invalidation_and_its_cache) {
    Handle<Counted> evicted, invalidated, held;
    {
        const auto cache = small<Counted>(2);
        ASSERT_TRUE(cache.put(1, Counted(1)));
        evicted = cache.get(1);
        ASSERT_TRUE(cache.put(2, Counted(2)));
        invalidated = cache.get(2);
        ASSERT_TRUE(cache.put(3, Counted(3)));
        held = cache.get(3);
        EXPECT_FALSE(cache.get(1)) << "evicted by the third";
        ASSERT_TRUE(cache.invalidate(2));
    }
    EXPECT_EQ(evicted->value, 1);
    EXPECT_EQ(invalidated->value, 2);
    EXPECT_EQ((*held).value, 3);
    EXPECT_EQ(Counted::alive, 3);
    evicted = {};
    invalidated = {};
    const auto copy = held;
    held = {};
    EXPECT_EQ(Counted::alive, 1);
    EXPECT_EQ(copy.get()->value, 3);
}

TEST(HandleOf, a_hit_is_the_value_itself_and_no_copy) {
    const auto cache = small<std::vector<int>>();
    ASSERT_TRUE(cache.put(1, std::vector<int>(1000)));
    EXPECT_EQ(cache.get(1).get(), cache.get(1).get());
}

TEST(HandleOf, a_value_put_again_leaves_older_handles_as_they_were) {
    const auto cache = small<std::string>();
    ASSERT_TRUE(cache.put(1, "old"));
    const auto old = cache.get(1);
    ASSERT_TRUE(cache.put(1, "new"));
    EXPECT_EQ(*old, "old");
    EXPECT_EQ(*cache.get(1), "new");
}

TEST(HandleOf, an_absence_is_empty_but_known) {
    const auto cache = small<std::string>();
    const auto absent = cache.get_or_load(1, [](int) { return std::optional<std::string>(); });
    ASSERT_TRUE(absent);
    EXPECT_FALSE(*absent);
    EXPECT_TRUE(absent->known_absent());
    EXPECT_EQ(absent->source().kind, Source::Kind::loader);
    EXPECT_TRUE(cache.get(1).known_absent());
    ASSERT_TRUE(cache.put(1, "there now"));
    EXPECT_FALSE(cache.get(1).known_absent());
    EXPECT_TRUE(cache.get(1));
}

TEST(HandleOf, a_value_tells_where_it_came_from_and_since_when_it_is) {
    Cache<int, std::string>::Options options;
    options.name = "sources";
    options.tiers = {{.backend = memory_backend::create(), .name = "first"},
                     {.backend = memory_backend::create(), .name = "second"}};
    const auto cache = Cache<int, std::string>::create(std::move(options)).value();
    const auto began = std::chrono::steady_clock::now();
    const auto loaded = cache.get_or_load(1, [](int) { return "text"; });
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->source(), (Source{Source::Kind::loader, 0}));
    EXPECT_GE(loaded->age(), 0ns);
    EXPECT_LE(loaded->age(), std::chrono::steady_clock::now() - began);
    EXPECT_EQ(loaded->age(std::chrono::steady_clock::now() + 1h) / 1h, 1);

    ASSERT_TRUE(cache.put(2, "text"));
    EXPECT_EQ(cache.get(2).source(), (Source{Source::Kind::memory, 0}));
    EXPECT_EQ(cache.get(2, {.skip = Skip::memory()}).source(), (Source{Source::Kind::tier, 0}));
    const auto deep = cache.get(2, {.skip = Skip::memory() | Skip::tier(0)});
    EXPECT_EQ(deep.source(), (Source{Source::Kind::tier, 1}));
    EXPECT_GE(deep.age(), 0ns);
    EXPECT_LE(deep.age(), std::chrono::steady_clock::now() - began + 1ms) << "its age is that of the write";
}

TEST(HandleOf, a_value_that_leaves_memory_is_the_one_its_listener_hears_of) {
    std::vector<std::pair<int, RemovalCause>> heard;
    Cache<int, std::string>::Options options;
    options.name = "heard";
    options.memory.max_entries = 2;
    options.memory.eviction = eviction::lru();
    options.memory.shards = 1;
    options.memory.on_removal = [&](const int& key, const Handle<std::string>& value, RemovalCause cause) {
        EXPECT_EQ(*value, "of " + std::to_string(key));
        heard.emplace_back(key, cause);
    };
    {
        const auto cache = Cache<int, std::string>::create(std::move(options)).value();
        for (const int key : {1, 2, 3, 3})
            ASSERT_TRUE(cache.put(key, "of " + std::to_string(key)));
        ASSERT_TRUE(cache.invalidate(2));
    }
    using Heard = std::pair<int, RemovalCause>;
    EXPECT_EQ(heard, (std::vector<Heard>{{1, RemovalCause::size},
                                         {3, RemovalCause::replaced},
                                         {2, RemovalCause::explicit_},
                                         {3, RemovalCause::closed}}));
}

TEST(CacheObject, may_be_moved_and_closes_what_it_is_assigned_over) {
    auto first = small<std::string>();
    ASSERT_TRUE(first.put(1, "first"));
    auto second = std::move(first);
    EXPECT_EQ(*second.get(1), "first");
    auto other = small<std::string>();
    ASSERT_TRUE(other.put(1, "other"));
    second = std::move(other);
    EXPECT_EQ(*second.get(1), "other");
}

} // namespace
} // namespace tiercel
