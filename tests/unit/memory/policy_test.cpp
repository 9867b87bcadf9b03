// Every policy against the naive cache, over millions of random operations and over shrinkable short sequences.

#include "comparison.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>

namespace tiercel::memory::test {
namespace {

using namespace std::chrono_literals;

struct Case {
    std::string_view bounds;
    Eviction eviction;
};

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.eviction.name() << "_" << c.bounds;
}

StoreOptions options_of(const Case& c) {
    StoreOptions options;
    options.eviction = c.eviction;
    if (c.bounds != "weight") options.max_entries = 24;
    if (c.bounds != "entries") options.max_weight = 100;
    if (c.bounds == "both_and_expiry") options.expire_after_access = 40ms;
    return options;
}

/// Times to live around the wheel's joints, in the past, far away and never.
template <class Random>
Nanos random_time_to_live(Random& random) {
    const std::uint64_t bits = random();
    switch (bits % 8) {
    case 0:
        return -static_cast<Nanos>(bits >> 8 & 0xFFFF);
    case 1:
        return 0;
    case 2:
    case 3:
        return static_cast<Nanos>(bits >> 8 & 0x3FF'FFFF); // to 67 ms
    case 4:
        return static_cast<Nanos>(bits >> 8 & 0xFFFF'FFFF); // to 4.3 s
    case 5:
        return Nanos{86'400'000'000'000} * 36'525; // 100 years
    default:
        return never;
    }
}

class PolicyOperations {
public:
    explicit PolicyOperations(bool with_expiry) : with_expiry_(with_expiry) {}

    StoreOperation next() {
        StoreOperation operation;
        const std::uint64_t bits = random_();
        operation.key = std::min(bits % 64, bits / 64 % 64); // low keys more often
        operation.weight = random_() % 16 == 0 ? random_() % 128 : random_() % 12;
        const std::uint64_t kind = random_() % 1000;
        using enum StoreOperation::Kind;
        operation.kind = kind < 500   ? find
                         : kind < 890 ? insert
                         : kind < 950 ? erase
                         : kind < 979 ? peek
                         : kind < 999 ? expire
                                      : clear;
        if (!with_expiry_) return operation;
        operation.time_to_live = random_time_to_live(random_);
        const std::uint64_t step = random_() % 64;
        operation.advance = step == 0 ? Nanos(random_() % 5'000'000'000) : step < 32 ? Nanos(random_() % 2'000'000) : 0;
        return operation;
    }

private:
    const bool with_expiry_;
    std::mt19937_64 random_{20'240'229};
};

/// For each policy two million in all, over the three kinds of bounds.
constexpr int operation_count = 700'000;

class Policies : public testing::TestWithParam<Case> {};

TEST_P(Policies, do_as_the_naive_cache_does_over_many_operations) {
    Comparison comparison(options_of(GetParam()));
    PolicyOperations operations(GetParam().bounds == "both_and_expiry");
    for (int done = 0; done < operation_count; ++done) {
        ASSERT_EQ(comparison.apply(operations.next()), "") << "operation " << done;
        if (done % 10'000 == 0) {
            ASSERT_EQ(comparison.compare_contents(), "") << "operation " << done;
        }
    }
    EXPECT_EQ(comparison.compare_contents(), "");
}

TEST_P(Policies, do_as_the_naive_cache_does_over_short_sequences) {
    using Kind = StoreOperation::Kind;
    const auto operation = rc::gen::build<StoreOperation>(
        rc::gen::set(&StoreOperation::kind, rc::gen::element(Kind::find, Kind::find, Kind::insert, Kind::insert,
                                                             Kind::erase, Kind::peek, Kind::expire, Kind::clear)),
        rc::gen::set(&StoreOperation::key, rc::gen::inRange<std::uint64_t>(0, 6)),
        rc::gen::set(&StoreOperation::weight, rc::gen::inRange<std::uint64_t>(0, 12)),
        rc::gen::set(&StoreOperation::time_to_live,
                     rc::gen::oneOf(rc::gen::just(never), rc::gen::inRange<Nanos>(-5, 200'000'000))),
        rc::gen::set(&StoreOperation::advance, rc::gen::inRange<Nanos>(0, 20'000'000)));
    StoreOptions options = options_of(GetParam());
    if (options.max_entries != 0) options.max_entries = 3;
    if (options.max_weight != 0) options.max_weight = 10;
    EXPECT_TRUE(rc::check([&] {
        Comparison comparison(options);
        for (const StoreOperation& next : *rc::gen::container<std::vector<StoreOperation>>(operation)) {
            RC_ASSERT(comparison.apply(next) == "");
            RC_ASSERT(comparison.compare_contents() == "");
        }
    }));
}

const Case cases[] = {
    {"entries", eviction::lru()},  {"weight", eviction::lru()},  {"both_and_expiry", eviction::lru()},
    {"entries", eviction::lfu()},  {"weight", eviction::lfu()},  {"both_and_expiry", eviction::lfu()},
    {"entries", eviction::fifo()}, {"weight", eviction::fifo()}, {"both_and_expiry", eviction::fifo()},
    {"entries", eviction::mru()},  {"weight", eviction::mru()},  {"both_and_expiry", eviction::mru()},
};

INSTANTIATE_TEST_SUITE_P(Memory, Policies, testing::ValuesIn(cases), testing::PrintToStringParamName());

/// What a store may hold, whoever the policy makes leave.
TEST(AllPolicies, keep_their_bounds_and_tell_of_each_departure_once) {
    for (const auto name : eviction::names()) {
        for (const std::string_view bounds : {"entries", "weight", "both_and_expiry"}) {
            SCOPED_TRACE(std::string(name) + ", bounded by " + std::string(bounds));
            StoreFixture fixture(options_of({bounds, eviction::named(name).value()}));
            PolicyOperations operations(bounds == "both_and_expiry");
            std::uint64_t stored = 0;
            std::uint64_t left = 0;
            for (int done = 0; done < 60'000; ++done) {
                const StoreOperation next = operations.next();
                using enum StoreOperation::Kind;
                fixture.clock.advance(std::chrono::nanoseconds(next.advance));
                const Nanos now = fixture.clock.nanos();
                if (next.kind == find) fixture.find(next.key);
                if (next.kind == erase) fixture.erase(next.key);
                if (next.kind == expire) fixture.store.expire();
                if (next.kind == clear) fixture.store.clear();
                if (next.kind == insert) {
                    const Nanos expires = next.time_to_live == never ? never : now + next.time_to_live;
                    if (fixture.insert({next.key, next.weight, expires}) == Insert::stored) ++stored;
                }
                left += fixture.take_departures().size();
                ASSERT_EQ(fixture.store.stats().entries, stored - left) << "operation " << done;
                if (done % 100 == 0) {
                    ASSERT_EQ(fixture.store.check_invariants(), "") << "operation " << done;
                }
            }
        }
    }
}

std::vector<std::uint64_t> evicted(StoreFixture& fixture) {
    std::vector<std::uint64_t> keys;
    for (const Departure& departure : fixture.take_departures())
        if (departure.cause == RemovalCause::size) keys.push_back(departure.key);
    return keys;
}

StoreOptions three_entries(Eviction eviction) {
    StoreOptions options;
    options.max_entries = 3;
    options.eviction = eviction;
    return options;
}

void insert_one_to_three(StoreFixture& fixture) {
    for (std::uint64_t key = 1; key <= 3; ++key)
        fixture.insert({.key = key});
}

TEST(Lru, evicts_the_least_recently_used) {
    StoreFixture fixture(three_entries(eviction::lru()));
    insert_one_to_three(fixture);
    fixture.find(1);
    fixture.insert({.key = 4});
    EXPECT_EQ(evicted(fixture), std::vector<std::uint64_t>{2});
}

TEST(Lru, takes_a_new_value_for_a_use) {
    StoreFixture fixture(three_entries(eviction::lru()));
    insert_one_to_three(fixture);
    fixture.insert({.key = 1});
    fixture.insert({.key = 4});
    EXPECT_EQ(evicted(fixture), std::vector<std::uint64_t>{2});
}

TEST(Lru, does_not_take_a_peek_for_a_use) {
    StoreFixture fixture(three_entries(eviction::lru()));
    insert_one_to_three(fixture);
    fixture.peek(1);
    fixture.insert({.key = 4});
    EXPECT_EQ(evicted(fixture), std::vector<std::uint64_t>{1});
}

TEST(Lfu, evicts_the_least_used_and_among_equals_the_least_recently_touched) {
    StoreFixture fixture(three_entries(eviction::lfu()));
    insert_one_to_three(fixture);
    for (const std::uint64_t key : {3U, 2U, 1U, 1U})
        fixture.find(key);
    fixture.insert({.key = 4}); // 3 and 2 have two uses, 3 was touched first
    fixture.insert({.key = 5}); // 4 has one use
    EXPECT_EQ(evicted(fixture), (std::vector<std::uint64_t>{3, 4}));
}

TEST(Lfu, keeps_the_count_of_a_key_that_gets_a_new_value) {
    StoreFixture fixture(three_entries(eviction::lfu()));
    insert_one_to_three(fixture);
    fixture.find(1);
    fixture.insert({.key = 1});
    fixture.insert({.key = 4});
    fixture.insert({.key = 5});
    fixture.insert({.key = 6});
    EXPECT_EQ(evicted(fixture), (std::vector<std::uint64_t>{2, 3, 4}));
}

TEST(Lfu, forgets_the_count_of_a_key_that_left) {
    StoreFixture fixture(three_entries(eviction::lfu()));
    insert_one_to_three(fixture);
    for (int use = 0; use < 9; ++use)
        fixture.find(1);
    fixture.erase(1);
    fixture.insert({.key = 1});
    fixture.find(2);
    fixture.find(3);
    fixture.insert({.key = 4});
    EXPECT_EQ(evicted(fixture), std::vector<std::uint64_t>{1});
}

TEST(Fifo, evicts_the_oldest_however_often_it_is_used) {
    StoreFixture fixture(three_entries(eviction::fifo()));
    insert_one_to_three(fixture);
    for (int use = 0; use < 9; ++use)
        fixture.find(1);
    fixture.insert({.key = 4});
    EXPECT_EQ(evicted(fixture), std::vector<std::uint64_t>{1});
}

TEST(Fifo, takes_a_new_value_for_young) {
    StoreFixture fixture(three_entries(eviction::fifo()));
    insert_one_to_three(fixture);
    fixture.insert({.key = 1});
    fixture.insert({.key = 4});
    EXPECT_EQ(evicted(fixture), std::vector<std::uint64_t>{2});
}

TEST(Mru, evicts_the_most_recently_used_before_the_new_key_goes_in) {
    StoreFixture fixture(three_entries(eviction::mru()));
    insert_one_to_three(fixture);
    fixture.find(1);
    fixture.insert({.key = 4});
    fixture.insert({.key = 5});
    EXPECT_EQ(evicted(fixture), (std::vector<std::uint64_t>{1, 4}));
}

TEST(Mru, hits_in_a_loop_over_more_keys_than_fit_where_lru_never_does) {
    for (const auto& [eviction, hits] : {std::pair(eviction::lru(), false), std::pair(eviction::mru(), true)}) {
        StoreFixture fixture(three_entries(eviction));
        for (int round = 0; round < 10; ++round)
            for (std::uint64_t key = 0; key < 4; ++key)
                if (!fixture.find(key)) fixture.insert({.key = key});
        EXPECT_EQ(fixture.store.stats().hits > 0, hits) << eviction.name();
    }
}

} // namespace
} // namespace tiercel::memory::test
