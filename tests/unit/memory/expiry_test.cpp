// Expiry as the store does it: time to live, sliding expiry, and leaving without being touched.

#include "memory/timing_wheel.hpp"
#include "test_entry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace tiercel::memory::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::chrono::nanoseconds tick{TimingWheel::tick};

StoreOptions sliding(std::chrono::nanoseconds time) {
    StoreOptions options;
    options.expire_after_access = time;
    return options;
}

TEST(Expiry, an_entry_is_found_until_its_deadline_and_not_at_it) {
    StoreFixture fixture({});
    fixture.insert({.key = 1, .expires = fixture.in(10s)});
    fixture.clock.advance(10s - 1ns);
    EXPECT_TRUE(fixture.find(1));
    EXPECT_TRUE(fixture.peek(1));
    fixture.clock.advance(1ns);
    EXPECT_FALSE(fixture.peek(1));
    EXPECT_FALSE(fixture.find(1));
}

TEST(Expiry, a_dead_entry_that_is_looked_up_leaves_as_expired) {
    StoreFixture fixture({});
    fixture.insert({.key = 1, .expires = fixture.in(1s)});
    fixture.clock.advance(1s);
    fixture.peek(1);
    EXPECT_THAT(fixture.take_departures(), IsEmpty());
    fixture.find(1);
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{1, RemovalCause::expired}));
    EXPECT_EQ(fixture.store.stats().entries, 0U);
}

TEST(Expiry, dead_entries_leave_without_being_touched) {
    StoreFixture fixture({});
    for (std::uint64_t key = 0; key < 1000; ++key)
        fixture.insert({.key = key, .expires = fixture.in(1s + key * 2ms)});
    fixture.insert({.key = 1000});
    fixture.clock.advance(1s + 499 * 2ms + tick);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 501U);
    fixture.clock.advance(1h);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 1U);
    EXPECT_EQ(fixture.store.stats().removals[static_cast<std::size_t>(RemovalCause::expired)], 1000U);
    EXPECT_EQ(fixture.departures.size(), 1000U);
}

TEST(Expiry, inserts_clear_away_some_of_the_dead) {
    StoreOptions options;
    options.shards = 1;
    StoreFixture fixture(options);
    for (std::uint64_t key = 0; key < 10; ++key)
        fixture.insert({.key = key, .expires = fixture.in(1s)});
    fixture.clock.advance(1s + tick);
    fixture.insert({.key = 100});
    EXPECT_EQ(fixture.store.stats().entries, 1U);
}

TEST(Expiry, an_entry_that_is_dead_on_arrival_is_never_found_and_leaves) {
    StoreFixture fixture({});
    fixture.clock.set(5'000'000'000);
    for (std::uint64_t key = 0; key < 2; ++key) {
        const Nanos expires = key == 0 ? fixture.in(0s) : fixture.in(-4s);
        EXPECT_EQ(fixture.insert({.key = key, .expires = expires}), Insert::stored);
        EXPECT_FALSE(fixture.peek(key));
    }
    fixture.clock.advance(tick);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 0U);
    EXPECT_EQ(fixture.departures.size(), 2U);
}

TEST(Expiry, a_time_to_live_of_a_century_is_right) {
    StoreFixture fixture({});
    constexpr auto century = std::chrono::hours(24) * 36'525;
    fixture.insert({.key = 1, .expires = fixture.in(century)});
    fixture.clock.advance(century - 1s);
    fixture.store.expire();
    EXPECT_TRUE(fixture.find(1));
    fixture.clock.advance(1s + tick);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 0U);
}

TEST(Expiry, a_dead_entry_that_is_replaced_erased_or_evicted_leaves_as_expired) {
    StoreOptions options;
    options.max_entries = 30;
    options.eviction = eviction::lru();
    StoreFixture fixture(options);
    for (std::uint64_t key = 0; key < 30; ++key)
        fixture.insert({.key = key, .expires = fixture.in(1ms)});
    fixture.clock.advance(1ms); // dead, but the wheel's tick has not come
    fixture.store.expire();
    ASSERT_EQ(fixture.store.stats().entries, 30U);
    fixture.insert({.key = 1});
    EXPECT_FALSE(fixture.erase(2));
    fixture.insert({.key = 100});
    fixture.insert({.key = 101});
    EXPECT_THAT(fixture.take_departures(),
                ElementsAre(Departure{1, RemovalCause::expired}, Departure{2, RemovalCause::expired},
                            Departure{0, RemovalCause::expired}));
}

TEST(Expiry, a_use_puts_sliding_expiry_off) {
    StoreFixture fixture(sliding(10s));
    fixture.insert({.key = 1});
    for (int use = 0; use < 5; ++use) {
        fixture.clock.advance(10s - 1ns);
        fixture.store.expire();
        EXPECT_TRUE(fixture.find(1));
    }
    fixture.clock.advance(10s);
    EXPECT_FALSE(fixture.find(1));
}

/// A reader may be held up between its look at the clock and what it writes.
TEST(Expiry, a_use_that_comes_late_does_not_bring_sliding_expiry_forward) {
    StoreFixture fixture(sliding(10s));
    fixture.insert({.key = 1});
    const Nanos start = fixture.clock.nanos();
    fixture.clock.advance(9s);
    EXPECT_TRUE(fixture.find(1));
    fixture.clock.set(start);
    EXPECT_TRUE(fixture.find(1));
    fixture.clock.set(start + std::chrono::nanoseconds(18s).count());
    EXPECT_TRUE(fixture.find(1));
    EXPECT_EQ(fixture.store.check_invariants(), "");
}

/// Its cheap reading is ahead, which no clock's may be.
class HastyClock final : public spi::Clock {
public:
    SteadyTime now() const noexcept override { return SteadyTime(0ns); }
    SteadyTime coarse_now() const noexcept override { return SteadyTime(1h); }
    SystemTime wall_now() const noexcept override { return {}; }
};

TEST(Expiry, a_clock_that_breaks_its_word_breaks_nothing_else) {
    const HastyClock clock;
    StoreOptions options;
    options.holds_key = holds_id;
    Store store(std::move(options), clock);
    const std::atomic<std::uint64_t> no_fence{0};
    for (const Nanos expires : {1s / 1ns, 2s / 1ns, 3s / 1ns})
        EXPECT_EQ(store.insert(make_entry({.key = 1, .expires = expires}), no_fence, 0), Insert::stored);
    EXPECT_EQ(store.check_invariants(), "");
}

TEST(Expiry, a_peek_does_not_put_sliding_expiry_off) {
    StoreFixture fixture(sliding(10s));
    fixture.insert({.key = 1});
    fixture.clock.advance(9s);
    EXPECT_TRUE(fixture.peek(1));
    fixture.clock.advance(1s);
    EXPECT_FALSE(fixture.peek(1));
}

TEST(Expiry, what_was_used_outlives_what_was_not) {
    StoreFixture fixture(sliding(10s));
    fixture.insert({.key = 1});
    fixture.insert({.key = 2});
    fixture.clock.advance(9s);
    fixture.find(1);
    fixture.clock.advance(1s + tick);
    fixture.store.expire();
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{2, RemovalCause::expired}));
    fixture.clock.advance(9s);
    fixture.store.expire();
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{1, RemovalCause::expired}));
}

TEST(Expiry, uses_do_not_carry_an_entry_past_its_time_to_live) {
    StoreFixture fixture(sliding(10s));
    fixture.insert({.key = 1, .expires = fixture.in(15s)});
    fixture.clock.advance(9s);
    EXPECT_TRUE(fixture.find(1));
    fixture.clock.advance(6s);
    EXPECT_FALSE(fixture.find(1));
}

TEST(Expiry, a_store_without_deadlines_never_asks_the_clock) {
    StoreOptions options;
    options.max_entries = 2;
    StoreFixture fixture(options);
    for (std::uint64_t key = 0; key < 4; ++key) {
        fixture.insert({.key = key});
        fixture.insert({.key = key});
        fixture.find(key);
        fixture.peek(key);
    }
    fixture.erase(3);
    fixture.store.expire();
    EXPECT_EQ(fixture.clock.reads(), 0U);
    EXPECT_FALSE(fixture.store.expires_entries());
}

TEST(Expiry, the_store_says_once_it_has_had_an_entry_with_a_deadline) {
    StoreFixture fixture({});
    fixture.insert({.key = 1});
    EXPECT_FALSE(fixture.store.expires_entries());
    fixture.insert({.key = 2, .expires = fixture.in(1s)});
    EXPECT_TRUE(fixture.store.expires_entries());

    StoreFixture slides(sliding(1s));
    slides.insert({.key = 1});
    EXPECT_TRUE(slides.store.expires_entries());
}

TEST(Expiry, expires_every_shard) {
    StoreOptions options;
    options.shards = 16;
    StoreFixture fixture(options);
    for (std::uint64_t key = 0; key < 10'000; ++key)
        fixture.insert({.key = key, .expires = fixture.in(1s)});
    fixture.clock.advance(2s);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 0U);
    EXPECT_EQ(fixture.store.check_invariants(), "");
}

StoreOptions keeping(std::chrono::nanoseconds time) {
    StoreOptions options;
    options.keep_stale = time;
    return options;
}

TEST(KeepStale, a_value_past_its_expiry_is_a_miss_that_only_use_stale_finds_until_it_is_dead) {
    StoreFixture fixture(keeping(10s));
    fixture.insert({.key = 1, .expires = fixture.in(1s)});
    EXPECT_TRUE(fixture.use_stale(1)) << "a fresh one too";
    fixture.clock.advance(1s);
    EXPECT_FALSE(fixture.find(1));
    EXPECT_FALSE(fixture.peek(1));
    EXPECT_TRUE(fixture.use_stale(1));
    EXPECT_THAT(fixture.take_departures(), IsEmpty());
    EXPECT_EQ(fixture.store.stats().misses, 1U);
    fixture.clock.advance(10s - 1ns);
    EXPECT_TRUE(fixture.use_stale(1));
    fixture.clock.advance(1ns);
    EXPECT_FALSE(fixture.use_stale(1));
    EXPECT_FALSE(fixture.find(1));
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{1, RemovalCause::expired}));
}

TEST(KeepStale, find_many_misses_what_is_stale_and_drops_what_is_dead) {
    StoreFixture fixture(keeping(10s));
    fixture.insert({.key = 1, .expires = fixture.in(20s)});
    fixture.insert({.key = 2, .expires = fixture.in(5s)});
    fixture.insert({.key = 3, .expires = fixture.in(1s)});
    fixture.clock.advance(11s);
    const std::array<std::uint64_t, 3> keys{1, 2, 3};
    std::array<KeyRef, 3> refs;
    for (std::size_t i = 0; i < keys.size(); ++i)
        refs[i] = {hash_of(keys[i]), &keys[i]};
    std::array<EntryPtr, 3> found;
    fixture.store.find_many(refs, found.data());
    EXPECT_TRUE(found[0]);
    EXPECT_FALSE(found[1]);
    EXPECT_FALSE(found[2]);
    EXPECT_TRUE(fixture.use_stale(2));
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{3, RemovalCause::expired}));
    EXPECT_EQ(fixture.store.stats().hits, 1U);
    EXPECT_EQ(fixture.store.stats().misses, 2U);
}

TEST(KeepStale, expire_leaves_the_stale_and_takes_the_dead) {
    StoreFixture fixture(keeping(10s));
    fixture.insert({.key = 1, .expires = fixture.in(1s)});
    fixture.clock.advance(5s);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 1U);
    fixture.clock.advance(6s + tick);
    fixture.store.expire();
    EXPECT_EQ(fixture.store.stats().entries, 0U);
    EXPECT_EQ(fixture.store.check_invariants(), "");
}

TEST(KeepStale, what_is_not_used_leaves_all_the_same) {
    auto options = keeping(1h);
    options.expire_after_access = 10s;
    StoreFixture fixture(options);
    fixture.insert({.key = 1, .expires = fixture.in(1s)});
    fixture.insert({.key = 2, .expires = fixture.in(1s)});
    fixture.clock.advance(9s);
    EXPECT_TRUE(fixture.use_stale(1)) << "which is a use";
    fixture.clock.advance(1s);
    EXPECT_TRUE(fixture.use_stale(1));
    EXPECT_FALSE(fixture.use_stale(2));
}

TEST(KeepStale, a_stale_value_that_is_replaced_leaves_as_replaced_and_one_erased_is_gone) {
    StoreFixture fixture(keeping(1h));
    fixture.insert({.key = 1, .expires = fixture.in(1s)});
    fixture.clock.advance(2s);
    fixture.insert({.key = 1, .expires = fixture.in(1s)});
    EXPECT_THAT(fixture.take_departures(), ElementsAre(Departure{1, RemovalCause::replaced}));
    fixture.clock.advance(2s);
    EXPECT_TRUE(fixture.erase(1));
    EXPECT_FALSE(fixture.use_stale(1));
}

} // namespace
} // namespace tiercel::memory::test
