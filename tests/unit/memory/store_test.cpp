// Finding, replacing, leaving, fencing and closing, in one thread.

#include "test_entry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace tiercel::memory::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Store, finds_the_latest_value_of_a_key_and_nothing_for_others) {
    StoreFixture fixture({});
    const std::uint64_t key = 1;
    fixture.insert({.key = key, .version = 1});
    fixture.insert({.key = key, .version = 2});
    EXPECT_EQ(fixture.store.find({hash_of(key), &key})->version, 2U);
    EXPECT_FALSE(fixture.find(2));
    EXPECT_THAT(fixture.departures, ElementsAre(Departure{1, RemovalCause::replaced, 1}));
}

TEST(Store, counts_hits_misses_and_inserts_but_not_peeks) {
    StoreFixture fixture({});
    fixture.insert({.key = 1});
    fixture.find(1);
    fixture.find(1);
    fixture.find(2);
    fixture.peek(1);
    fixture.peek(2);
    const StoreStats stats = fixture.store.stats();
    EXPECT_EQ(stats.hits, 2U);
    EXPECT_EQ(stats.misses, 1U);
    EXPECT_EQ(stats.inserts, 1U);
    EXPECT_EQ(stats.entries, 1U);
    EXPECT_EQ(stats.weight, 1U);
}

TEST(Store, what_a_reader_holds_outlives_its_leaving) {
    StoreFixture fixture({});
    const std::uint64_t key = 1;
    fixture.insert({.key = key, .version = 5});
    const EntryPtr held = fixture.store.find({hash_of(key), &key});
    fixture.erase(key);
    EXPECT_EQ(held->version, 5U);
    EXPECT_EQ(id_of(*held), key);
}

TEST(Store, erase_says_whether_an_entry_was_there) {
    StoreFixture fixture({});
    fixture.insert({.key = 1});
    EXPECT_TRUE(fixture.erase(1));
    EXPECT_FALSE(fixture.erase(1));
    EXPECT_THAT(fixture.departures, ElementsAre(Departure{1, RemovalCause::explicit_}));
}

TEST(Store, clear_removes_every_entry_once_and_leaves_a_working_store) {
    StoreOptions options;
    options.shards = 4;
    options.max_entries = 100;
    StoreFixture fixture(options);
    fixture.insert({.key = 1, .expires = fixture.in(std::chrono::hours(1))});
    fixture.insert({.key = 2, .weight = 3});
    fixture.store.clear();
    EXPECT_THAT(fixture.take_departures(),
                UnorderedElementsAre(Departure{1, RemovalCause::explicit_}, Departure{2, RemovalCause::explicit_}));
    EXPECT_EQ(fixture.store.stats().weight, 0U);
    fixture.insert({.key = 1, .expires = fixture.in(std::chrono::hours(1))});
    EXPECT_TRUE(fixture.find(1));
    EXPECT_EQ(fixture.store.check_invariants(), "");
}

TEST(Store, an_insert_whose_fence_was_raised_since_it_began_is_dropped) {
    StoreFixture fixture({});
    const std::atomic<std::uint64_t> fence{5};
    fixture.insert({.key = 1, .version = 3});
    EXPECT_EQ(fixture.store.insert(make_entry({.key = 1, .version = 4}), fence, 4), Insert::fenced);
    EXPECT_THAT(fixture.departures, IsEmpty());
    const std::uint64_t key = 1;
    EXPECT_EQ(fixture.store.peek({hash_of(key), &key})->version, 3U);
    EXPECT_EQ(fixture.store.insert(make_entry({.key = 1, .version = 5}), fence, 5), Insert::stored);
    EXPECT_EQ(fixture.store.stats().fenced, 1U);
}

TEST(Store, a_closed_store_has_let_everything_go_and_takes_nothing) {
    StoreFixture fixture({});
    fixture.insert({.key = 1});
    fixture.store.close();
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{1, RemovalCause::closed}));
    EXPECT_EQ(fixture.insert({.key = 2}), Insert::closed);
    EXPECT_FALSE(fixture.find(1));
    EXPECT_FALSE(fixture.peek(1));
    EXPECT_FALSE(fixture.erase(1));
    fixture.store.close();
    fixture.store.clear();
    fixture.store.expire();
    EXPECT_THAT(fixture.departures, IsEmpty());
    EXPECT_EQ(fixture.store.check_invariants(), "");
}

TEST(Store, destruction_closes) {
    std::vector<RemovalCause> causes;
    ManualClock clock;
    {
        StoreOptions options;
        options.holds_key = holds_id;
        options.on_removal = [&](const detail::Entry&, RemovalCause cause) { causes.push_back(cause); };
        Store store(options, clock);
        const std::atomic<std::uint64_t> fence{0};
        store.insert(make_entry({.key = 1}), fence, 0);
    }
    EXPECT_THAT(causes, ElementsAre(RemovalCause::closed));
}

TEST(Store, a_listener_may_use_the_store) {
    ManualClock clock;
    std::unique_ptr<Store> store;
    const std::atomic<std::uint64_t> fence{0};
    std::vector<std::uint64_t> evicted;
    StoreOptions options;
    options.max_entries = 2;
    options.holds_key = holds_id;
    options.on_removal = [&](const detail::Entry& entry, RemovalCause cause) {
        if (cause != RemovalCause::size) return;
        evicted.push_back(id_of(entry));
        EXPECT_EQ(store->find(entry.ref()), nullptr);
        if (evicted.size() < 4) store->insert(make_entry({.key = id_of(entry) + 100}), fence, 0);
    };
    store = std::make_unique<Store>(options, clock);
    for (std::uint64_t key = 1; key <= 3; ++key)
        store->insert(make_entry({.key = key}), fence, 0);
    EXPECT_THAT(evicted, ElementsAre(1, 2, 3, 101));
    EXPECT_EQ(store->check_invariants(), "");
}

TEST(RemovalCause, has_a_name_for_each) {
    EXPECT_EQ(to_string(RemovalCause::explicit_), "explicit");
    EXPECT_EQ(to_string(RemovalCause::replaced), "replaced");
    EXPECT_EQ(to_string(RemovalCause::expired), "expired");
    EXPECT_EQ(to_string(RemovalCause::size), "size");
    EXPECT_EQ(to_string(RemovalCause::closed), "closed");
}

TEST(Eviction, every_name_names_its_policy) {
    for (const auto name : eviction::names())
        EXPECT_EQ(eviction::named(name).value().name(), name);
    EXPECT_FALSE(eviction::named("no such policy"));
}

} // namespace
} // namespace tiercel::memory::test
