#include "memory/frequency_sketch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace tiercel::memory::test {
namespace {

void count(FrequencySketch& sketch, std::uint64_t key, int times) {
    for (int time = 0; time < times; ++time)
        sketch.count(key);
}

TEST(FrequencySketch, counts_nothing_before_it_is_fitted) {
    FrequencySketch sketch;
    sketch.count(1);
    EXPECT_EQ(sketch.frequency(1), 0U);
    EXPECT_EQ(sketch.bytes(), 0U);
}

TEST(FrequencySketch, counts_to_15) {
    FrequencySketch sketch;
    sketch.fit(64);
    count(sketch, 1, 7);
    count(sketch, 2, 100);
    EXPECT_EQ(sketch.frequency(1), 7U);
    EXPECT_EQ(sketch.frequency(2), 15U);
    EXPECT_EQ(sketch.frequency(3), 0U);
}

TEST(FrequencySketch, is_never_too_low_and_seldom_too_high) {
    constexpr std::uint64_t keys = 2000;
    FrequencySketch sketch;
    sketch.fit(keys);
    std::map<std::uint64_t, unsigned> exact;
    std::mt19937_64 random{3};
    for (int done = 0; done < 6000; ++done) {
        const std::uint64_t key = std::min(random() % keys, random() % keys);
        sketch.count(key);
        ++exact[key];
    }
    unsigned too_high = 0;
    for (std::uint64_t key = 0; key < keys; ++key) {
        const unsigned expected = std::min(exact[key], 15U);
        ASSERT_GE(sketch.frequency(key), expected) << "key " << key;
        too_high += sketch.frequency(key) > expected ? 1 : 0;
    }
    EXPECT_LT(too_high, keys / 10);
}

TEST(FrequencySketch, halves_all_counts_after_its_period) {
    FrequencySketch sketch;
    sketch.fit(4096);
    sketch.set_period(1000);
    count(sketch, 1, 9);
    count(sketch, 2, 4);
    for (std::uint64_t key = 100; key < 100 + 1000 - 14; ++key)
        sketch.count(key);
    EXPECT_EQ(sketch.frequency(1), 9U);
    sketch.count(5000);                         // the thousandth
    for (int later = 0; later < 200; ++later) { // as it goes through the blocks
        ASSERT_EQ(sketch.frequency(1), 4U) << later;
        ASSERT_EQ(sketch.frequency(2), 2U) << later;
        sketch.count(6000);
    }
}

TEST(FrequencySketch, keeps_counts_when_it_grows_and_starts_empty_when_it_shrinks) {
    FrequencySketch sketch;
    sketch.fit(64);
    for (std::uint64_t key = 0; key < 8; ++key)
        count(sketch, key, static_cast<int>(key));
    sketch.fit(1000);
    EXPECT_EQ(sketch.entries(), 1000U);
    for (std::uint64_t key = 0; key < 8; ++key)
        EXPECT_GE(sketch.frequency(key), key);
    sketch.fit(64);
    for (std::uint64_t key = 0; key < 8; ++key)
        EXPECT_EQ(sketch.frequency(key), 0U);
}

TEST(FrequencySketch, takes_8_to_16_bytes_an_entry) {
    for (const std::uint64_t entries : {8U, 1000U, 1024U, 1025U, 100'000U}) {
        FrequencySketch sketch;
        sketch.fit(entries);
        EXPECT_GE(sketch.bytes(), entries * 8) << entries;
        EXPECT_LT(sketch.bytes(), std::max<std::uint64_t>(entries * 16, 128)) << entries;
    }
}

} // namespace
} // namespace tiercel::memory::test
