#include <tiercel/memory_backend.hpp>

#include <tiercel/spi/backend.hpp>
#include <tiercel/testing/manual_clock.hpp>
#include <tiercel/testing/run.hpp>

#include <gtest/gtest.h>

#include <string>

namespace tiercel::memory_backend {
namespace {

using namespace std::chrono_literals;

class MemoryBackend : public ::testing::Test {
protected:
    void make(Options options) {
        options.clock = clock;
        backend = create(std::move(options)).value();
    }

    spi::CallContext call() const { return {clock->now() + 1s}; }

    Result<void> put(BytesView key, BytesView value, std::optional<std::chrono::milliseconds> ttl = {}) {
        const spi::PutItem item{key, value, ttl};
        return testing::run(backend->put_many({&item, 1}, call())).front();
    }
    spi::Lookup get(BytesView key) { return testing::run(backend->get_many({&key, 1}, call())).front(); }
    bool has(BytesView key) { return get(key).value().has_value(); }

    std::shared_ptr<testing::ManualClock> clock = std::make_shared<testing::ManualClock>();
    std::shared_ptr<spi::Backend> backend;
};

constexpr std::size_t entries_of(std::size_t count, std::size_t bytes) {
    return count * (bytes + entry_overhead);
}

TEST_F(MemoryBackend, lets_the_least_recently_used_go_when_the_bytes_are_used_up) {
    make({.max_bytes = entries_of(3, 101)});
    const std::string value(100, 'v');
    for (const auto key : {"a", "b", "c"})
        ASSERT_TRUE(put(key, value));
    EXPECT_TRUE(has("a"));
    ASSERT_TRUE(put("d", value));
    EXPECT_TRUE(has("a"));
    EXPECT_FALSE(has("b"));
    EXPECT_TRUE(has("c"));
    EXPECT_TRUE(has("d"));
}

TEST_F(MemoryBackend, lets_several_small_ones_go_for_a_big_one) {
    make({.max_bytes = entries_of(4, 101)});
    for (const auto key : {"a", "b", "c", "d"})
        ASSERT_TRUE(put(key, std::string(100, 'v')));
    ASSERT_TRUE(put("e", std::string(500, 'v')));
    EXPECT_FALSE(has("a") || has("b") || has("c"));
    EXPECT_TRUE(has("d"));
    EXPECT_TRUE(has("e"));
}

TEST_F(MemoryBackend, keeps_within_the_number_of_entries) {
    make({.max_entries = 2});
    for (const auto key : {"a", "b", "c"})
        ASSERT_TRUE(put(key, "v"));
    EXPECT_FALSE(has("a"));
    EXPECT_TRUE(has("b"));
    EXPECT_TRUE(has("c"));
}

TEST_F(MemoryBackend, replacing_takes_no_second_place) {
    make({.max_entries = 2});
    ASSERT_TRUE(put("a", "1"));
    ASSERT_TRUE(put("b", "1"));
    ASSERT_TRUE(put("b", "2"));
    EXPECT_TRUE(has("a"));
}

TEST_F(MemoryBackend, lets_an_expired_entry_go_before_one_that_lives) {
    make({.max_entries = 2});
    ASSERT_TRUE(put("old", "v"));
    ASSERT_TRUE(put("mortal", "v", 1s));
    clock->advance(2s);
    ASSERT_TRUE(put("new", "v"));
    EXPECT_TRUE(has("old"));
    EXPECT_TRUE(has("new"));
}

TEST_F(MemoryBackend, expires_to_the_millisecond) {
    make({});
    ASSERT_TRUE(put("k", "v", 1500ms));
    clock->advance(1499ms);
    EXPECT_EQ(get("k").value().value().remaining_ttl, 1ms);
    clock->advance(1ms);
    EXPECT_FALSE(has("k"));
}

TEST_F(MemoryBackend, refuses_a_value_over_half_its_size_and_keeps_the_rest) {
    make({.max_bytes = 10'000 + entry_overhead});
    ASSERT_TRUE(put("k", "v"));
    EXPECT_EQ(put("k", std::string(5001, 'v')).error().code(), Errc::value_too_large);
    EXPECT_EQ(get("k").value().value().value, "v");
    EXPECT_EQ(put(std::string(5001, 'k'), "v").error().code(), Errc::invalid_key);
    EXPECT_TRUE(put(std::string(5000, 'k'), std::string(5000, 'v')));
}

TEST_F(MemoryBackend, refuses_a_ttl_that_is_not_positive) {
    make({});
    EXPECT_EQ(put("k", "v", 0ms).error().code(), Errc::invalid_option);
    EXPECT_EQ(put("k", "v", -1ms).error().code(), Errc::invalid_option);
    const BytesView key = "k";
    EXPECT_EQ(testing::run(backend->touch_many({&key, 1}, 0ms, call())).front().error().code(), Errc::invalid_option);
}

TEST_F(MemoryBackend, the_longest_ttl_of_all_does_not_overflow) {
    make({});
    ASSERT_TRUE(put("k", "v", std::chrono::milliseconds::max()));
    EXPECT_TRUE(has("k"));
}

TEST_F(MemoryBackend, scan_goes_on_where_it_was_while_entries_come_and_go) {
    make({});
    for (int i = 0; i < 600; ++i)
        ASSERT_TRUE(put("k" + std::to_string(1000 + i), "v"));
    auto page = testing::run(backend->scan("k", "", call())).value();
    EXPECT_FALSE(page.cursor.empty());
    std::size_t seen = page.keys.size();
    const BytesView last = page.keys.back(); // the cursor's own key goes
    ASSERT_TRUE(testing::run(backend->erase_many({&last, 1}, call())).front().value());
    while (!page.cursor.empty()) {
        page = testing::run(backend->scan("k", page.cursor, call())).value();
        seen += page.keys.size();
    }
    EXPECT_EQ(seen, 600U);
}

TEST(MemoryBackendOptions, too_small_a_size_names_the_field) {
    const auto made = create({.max_bytes = 100});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Errc::invalid_option);
    EXPECT_TRUE(made.error().message().starts_with("max_bytes")) << made.error().message();
}

TEST(MemoryBackendOptions, the_default_clock_is_the_steady_clock) {
    const auto backend = create().value();
    const auto past = testing::run(backend->ping({std::chrono::steady_clock::now()}));
    ASSERT_FALSE(past);
    EXPECT_EQ(past.error().code(), Errc::timeout);
    EXPECT_TRUE(testing::run(backend->ping({std::chrono::steady_clock::now() + 1h})));
}

} // namespace
} // namespace tiercel::memory_backend
