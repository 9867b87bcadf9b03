#include "memory/duel.hpp"

#include <tiercel/hash.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace tiercel::memory::test {
namespace {

std::unique_ptr<Duel> ready(std::uint64_t capacity) {
    auto duel = std::make_unique<Duel>();
    duel->change_part(0, capacity);
    duel->make_ready();
    return duel;
}

/// A loop over half as many keys again as fit.
void loop(Duel& duel, std::uint64_t capacity, int rounds) {
    for (int round = 0; round < rounds; ++round)
        for (std::uint64_t key = 0; key < capacity * 3 / 2; ++key)
            duel.observe(hash_of(key));
}

/// Every key is used a few times, soon after one another, and never again.
void recency(Duel& duel, std::uint64_t capacity, std::uint64_t keys) {
    std::mt19937_64 random{5};
    for (std::uint64_t step = 0; step < 4 * keys; ++step)
        duel.observe(hash_of(step / 4 + random() % (capacity * 7 / 10) + 1'000'000'000));
}

TEST(Duel, starts_with_the_first_candidate) {
    EXPECT_EQ(&Duel().choice(), Duel::candidates.data());
}

TEST(Duel, follows_loops_and_recency_in_turn) {
    for (const std::uint64_t capacity : {300U, 5'000U, 200'000U}) {
        const auto duel = ready(capacity);
        for (int turn = 0; turn < 2; ++turn) {
            recency(*duel, capacity, 40 * capacity);
            EXPECT_GE(duel->choice().probation_percent, 30U) << capacity;
            loop(*duel, capacity, 60);
            EXPECT_LE(duel->choice().probation_percent, 10U) << capacity;
            EXPECT_EQ(duel->choice().wear, 8U) << capacity;
        }
    }
}

TEST(Duel, holds_still_on_what_says_nothing) {
    const auto duel = ready(1000);
    for (std::uint64_t key = 0; key < 100'000; ++key) // nobody comes back
        duel->observe(hash_of(key));
    EXPECT_EQ(&duel->choice(), Duel::candidates.data());
    for (int round = 0; round < 50; ++round) // everything fits
        for (std::uint64_t key = 0; key < 500; ++key)
            duel->observe(hash_of(key));
    EXPECT_EQ(&duel->choice(), Duel::candidates.data());
}

TEST(Duel, observes_everything_of_a_small_store_and_a_bounded_part_of_a_large_one) {
    EXPECT_EQ(ready(400)->sample(), 0U);
    for (const std::uint64_t capacity : {401U, 10'000U, 100'000U, 1'000'000U, 100'000'000U}) {
        const auto duel = ready(capacity);
        const double rate = 1.0 / static_cast<double>((duel->sample() >> 24) + 1);
        const double shadow = rate * static_cast<double>(capacity);
        EXPECT_LE(shadow, 1024) << capacity;
        EXPECT_GE(shadow, 199) << capacity;
        EXPECT_LE(duel->bytes(), 78'000U) << capacity;
    }
}

TEST(Duel, stands_for_the_sum_of_the_parts_however_they_come) {
    constexpr std::uint64_t part = 10'000;
    Duel duel;
    for (int shard = 0; shard < 32; ++shard)
        duel.change_part(0, part);
    duel.make_ready();
    const auto whole = ready(32 * part);
    EXPECT_EQ(duel.sample(), whole->sample());
    EXPECT_EQ(duel.bytes(), whole->bytes());

    duel.change_part(part, 2 * part); // a part does not matter
    duel.change_part(part, 0);
    duel.make_ready();
    EXPECT_EQ(duel.bytes(), whole->bytes());

    for (int shard = 2; shard < 32; ++shard)
        duel.change_part(part, 0);
    duel.make_ready();
    EXPECT_EQ(duel.sample(), ready(2 * part)->sample());
    EXPECT_EQ(duel.bytes(), ready(2 * part)->bytes());
}

TEST(Duel, what_it_learnt_survives_a_part_that_is_made_anew) {
    constexpr std::uint64_t capacity = 300;
    const auto duel = ready(capacity);
    recency(*duel, capacity, 40 * capacity);
    const Tuning* const learnt = &duel->choice();
    ASSERT_NE(learnt, Duel::candidates.data());
    duel->change_part(0, capacity); // as a clear does: first the new, then the old
    duel->change_part(capacity, 0);
    duel->make_ready();
    EXPECT_EQ(&duel->choice(), learnt);
}

TEST(Duel, observes_nothing_before_it_is_ready) {
    Duel duel;
    duel.observe(1);
    duel.make_ready(); // no parts, no shadows
    duel.observe(1);
    duel.change_part(0, 300);
    duel.observe(1);
    EXPECT_EQ(&duel.choice(), Duel::candidates.data());
}

TEST(Duel, of_requests_from_many_threads_it_loses_some_and_learns_from_the_rest) {
    constexpr std::uint64_t capacity = 300;
    const auto duel = ready(capacity);
    recency(*duel, capacity, 40 * capacity);
    ASSERT_GE(duel->choice().probation_percent, 30U);
    {
        std::vector<std::jthread> threads;
        for (int number = 0; number < 4; ++number)
            threads.emplace_back([&] { loop(*duel, capacity, 100); });
    }
    // Four loops at once, of whose requests some were lost, still are a loop once three of them have ended.
    loop(*duel, capacity, 60);
    EXPECT_LE(duel->choice().probation_percent, 10U);
}

} // namespace
} // namespace tiercel::memory::test
