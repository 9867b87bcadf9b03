// Entry and weight bounds, and how they and the keys are split over shards.

#include "test_entry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace tiercel::memory::test {
namespace {

using testing::ElementsAre;

StoreOptions bounded(std::uint64_t entries, std::uint64_t weight, std::uint32_t shards = 0) {
    StoreOptions options;
    options.eviction = eviction::lru();
    options.max_entries = entries;
    options.max_weight = weight;
    options.shards = shards;
    return options;
}

TEST(Bounds, a_heavy_entry_makes_as_many_leave_as_it_needs) {
    StoreFixture fixture(bounded(0, 10));
    for (std::uint64_t key = 1; key <= 5; ++key)
        fixture.insert({.key = key, .weight = 2});
    EXPECT_EQ(fixture.insert({.key = 6, .weight = 5}), Insert::stored);
    EXPECT_THAT(fixture.take_departures(),
                ElementsAre(Departure{1, RemovalCause::size}, Departure{2, RemovalCause::size},
                            Departure{3, RemovalCause::size}));
    EXPECT_EQ(fixture.store.stats().weight, 9U);
}

TEST(Bounds, an_entry_as_heavy_as_the_bound_fits_alone) {
    StoreFixture fixture(bounded(0, 10));
    fixture.insert({.key = 1});
    EXPECT_EQ(fixture.insert({.key = 2, .weight = 10}), Insert::stored);
    EXPECT_FALSE(fixture.peek(1));
    EXPECT_TRUE(fixture.peek(2));
}

TEST(Bounds, an_entry_heavier_than_the_bound_is_refused_and_harms_no_other) {
    StoreFixture fixture(bounded(0, 10));
    fixture.insert({.key = 1, .weight = 9});
    EXPECT_EQ(fixture.insert({.key = 2, .weight = 11}), Insert::too_heavy);
    EXPECT_EQ(fixture.insert({.key = 3, .weight = UINT64_MAX}), Insert::too_heavy);
    EXPECT_TRUE(fixture.peek(1));
    EXPECT_TRUE(fixture.departures.empty());
    EXPECT_EQ(fixture.store.stats().too_heavy, 2U);
}

TEST(Bounds, a_value_too_heavy_to_hold_takes_the_older_value_of_its_key_along) {
    StoreFixture fixture(bounded(0, 10));
    fixture.insert({.key = 1, .version = 7});
    fixture.insert({.key = 2});
    EXPECT_EQ(fixture.insert({.key = 1, .weight = 11}), Insert::too_heavy);
    EXPECT_FALSE(fixture.peek(1));
    EXPECT_TRUE(fixture.peek(2));
    EXPECT_THAT(fixture.departures, ElementsAre(Departure{1, RemovalCause::size, 7}));
}

TEST(Bounds, a_heavier_value_makes_others_leave_and_not_itself) {
    for (const auto name : eviction::names()) {
        StoreOptions options = bounded(0, 10);
        options.eviction = eviction::named(name).value();
        StoreFixture fixture(options);
        fixture.insert({.key = 1, .weight = 5});
        fixture.insert({.key = 2, .weight = 5});
        EXPECT_EQ(fixture.insert({.key = 1, .weight = 6, .version = 1}), Insert::stored);
        EXPECT_THAT(fixture.departures,
                    ElementsAre(Departure{1, RemovalCause::replaced}, Departure{2, RemovalCause::size}))
            << name;
        EXPECT_EQ(fixture.store.stats().weight, 6U) << name;
    }
}

TEST(Bounds, a_lighter_value_gives_its_weight_back) {
    StoreFixture fixture(bounded(0, 10));
    fixture.insert({.key = 1, .weight = 9});
    fixture.insert({.key = 1, .weight = 1});
    fixture.insert({.key = 2, .weight = 9});
    EXPECT_TRUE(fixture.peek(1));
    EXPECT_EQ(fixture.store.stats().weight, 10U);
}

TEST(Bounds, weightless_entries_are_held_in_any_number) {
    StoreFixture fixture(bounded(0, 1));
    for (std::uint64_t key = 0; key < 1000; ++key)
        fixture.insert({.key = key, .weight = 0});
    EXPECT_EQ(fixture.store.stats().entries, 1000U);
}

TEST(Bounds, both_bounds_hold_at_once) {
    StoreFixture fixture(bounded(3, 10));
    for (std::uint64_t key = 0; key < 4; ++key)
        fixture.insert({.key = key, .weight = 1});
    EXPECT_EQ(fixture.store.stats().entries, 3U);
    fixture.insert({.key = 9, .weight = 9});
    EXPECT_EQ(fixture.store.stats().entries, 2U);
    EXPECT_EQ(fixture.store.stats().weight, 10U);
}

TEST(Bounds, a_store_without_bounds_keeps_everything) {
    StoreFixture fixture(bounded(0, 0));
    for (std::uint64_t key = 0; key < 100'000; ++key)
        fixture.insert({.key = key});
    EXPECT_EQ(fixture.store.stats().entries, 100'000U);
    EXPECT_TRUE(fixture.departures.empty());
}

TEST(Bounds, the_shards_parts_add_up_to_the_bound) {
    for (const std::uint64_t bound : {64U, 100U, 1000U, 1023U}) {
        StoreFixture by_entries(bounded(bound, 0, 8));
        StoreFixture by_weight(bounded(0, bound, 8));
        ASSERT_EQ(by_entries.store.shard_count(), 8U);
        for (std::uint64_t key = 0; key < 30'000; ++key) {
            by_entries.insert({.key = key});
            by_weight.insert({.key = key});
        }
        EXPECT_EQ(by_entries.store.stats().entries, bound);
        EXPECT_EQ(by_weight.store.stats().weight, bound);
        EXPECT_EQ(by_entries.store.check_invariants(), "");
        EXPECT_EQ(by_weight.store.check_invariants(), "");
    }
}

TEST(Bounds, a_small_store_is_one_shard_and_so_exact) {
    EXPECT_EQ(StoreFixture(bounded(4096, 0)).store.shard_count(), 1U);
    EXPECT_EQ(StoreFixture(bounded(0, 1 << 20)).store.shard_count(), 1U);
    EXPECT_GT(StoreFixture(bounded(1'000'000, 0)).store.shard_count(), 1U);
    EXPECT_GT(StoreFixture(bounded(0, 0)).store.shard_count(), 1U);
}

TEST(Bounds, there_are_never_more_shards_than_the_bounds) {
    EXPECT_EQ(StoreFixture(bounded(5, 0, 64)).store.shard_count(), 4U);
    EXPECT_EQ(StoreFixture(bounded(0, 1, 64)).store.shard_count(), 1U);
    EXPECT_EQ(StoreFixture(bounded(0, 0, 64)).store.shard_count(), 64U);
}

TEST(Bounds, keys_spread_over_shards_and_table_whatever_their_hash_leaves_constant) {
    // The fixture hashes by identity; each stride leaves other bits of the keys constant.
    for (const unsigned shift : {0U, 8U, 16U, 24U, 32U, 40U, 48U}) {
        StoreFixture fixture(bounded(4096, 0, 16));
        for (std::uint64_t key = 0; key < 4096; ++key)
            fixture.insert({.key = key << shift});
        // Falling evenly, none of the 16 shards' 256 places stays empty but by chance: some 6 % do.
        EXPECT_GT(fixture.store.stats().entries, 3600U) << "shifted by " << shift;
        EXPECT_EQ(fixture.store.check_invariants(), "");
    }
}

TEST(Bounds, keys_of_one_hash_are_told_apart) {
    ManualClock clock;
    StoreOptions options = bounded(200, 0);
    options.holds_key = holds_id;
    Store store(options, clock);
    const std::atomic<std::uint64_t> fence{0};
    const auto find = [&](std::uint64_t key) { return store.find({42, &key}); };
    for (std::uint64_t key = 0; key < 300; ++key)
        store.insert(make_entry({.key = key, .version = key}, 42), fence, 0);
    for (std::uint64_t key = 0; key < 300; ++key) {
        const EntryPtr found = find(key);
        ASSERT_EQ(found != nullptr, key >= 100);
        if (found != nullptr) {
            EXPECT_EQ(found->version, key);
        }
    }
    const std::uint64_t erased = 150;
    EXPECT_TRUE(store.erase({42, &erased}));
    EXPECT_EQ(find(erased), nullptr);
    EXPECT_NE(find(151), nullptr);
    EXPECT_EQ(store.check_invariants(), "");
}

} // namespace
} // namespace tiercel::memory::test
