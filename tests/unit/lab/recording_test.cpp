// A cache records its accesses, and the lab reads them.
#include "lab/trace_reader.hpp"
#include "support/temp_dir.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/testing/virtual_runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::lab::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tiercel::testing::VirtualRuntime;
using C = Cache<std::uint64_t, std::string>;

class Recording : public ::testing::Test {
protected:
    std::string path() const { return (directory_.path() / "cache.trace").string(); }

    C::Options options(double sample = 1) const {
        return {.name = "recorded",
                .memory = {.max_entries = 100},
                .record_accesses = {.path = path(), .sample = sample},
                .runtime = runtime_};
    }

    std::vector<std::string> keys() const {
        const Trace trace = read_trace(path());
        std::vector<std::string> all;
        for (const auto key : trace.keys)
            all.emplace_back(trace.key_texts[key]);
        return all;
    }

    static std::string recorded(std::uint64_t key) { return std::to_string(hash_of(key)); }

    tiercel::test::TempDir directory_;
    std::shared_ptr<VirtualRuntime> runtime_ = std::make_shared<VirtualRuntime>();
};

TEST_F(Recording, is_a_trace_of_all_accesses_to_the_sampled_keys_in_order) {
    std::vector<std::string> expected;
    {
        const auto cache = C::create(options(0.25)).value();
        for (std::uint64_t i = 0; i < 20'000; ++i) {
            const std::uint64_t key = i * i % 1009;
            (void)cache.get(key);
            if (hash_of(key) >> 62 == 0) expected.push_back(recorded(key));
            if (i % 3 == 0) (void)cache.put(key, "v");
            runtime_->run_until_idle();
        }
        ASSERT_TRUE(cache.close());
        EXPECT_EQ(cache.stats().recording->written, expected.size());
        EXPECT_EQ(cache.stats().recording->bytes, std::filesystem::file_size(path()));
        EXPECT_EQ(cache.stats().recording->dropped, 0u);
    }
    EXPECT_EQ(keys(), expected);
}

TEST_F(Recording, counts_a_lookup_that_loads_and_the_keys_of_a_batch_once) {
    auto loading = options();
    loading.loader = [](const std::uint64_t&) { return std::string("loaded"); };
    const auto cache = C::create(std::move(loading)).value();
    EXPECT_TRUE(cache.get_or_load(1));
    EXPECT_TRUE(cache.get_or_load(1));
    const std::vector<std::uint64_t> some{2, 1, 3};
    (void)cache.get_or_load_many(some);
    (void)cache.get_many(some);
    ASSERT_TRUE(cache.close());
    EXPECT_THAT(keys(), ElementsAre(recorded(1), recorded(1), recorded(2), recorded(1), recorded(3), recorded(2),
                                    recorded(1), recorded(3)));
}

TEST_F(Recording, has_the_weights_of_a_weighed_cache) {
    auto weighed = options();
    weighed.memory = {.max_entries = 0, .max_weight = 1'000, .weigher = [](const std::uint64_t&, const std::string& v) {
                          return std::uint64_t{v.size()};
                      }};
    const auto cache = C::create(std::move(weighed)).value();
    (void)cache.get(1);
    (void)cache.put(1, "seven b");
    (void)cache.get(1);
    (void)cache.get(2);
    ASSERT_TRUE(cache.close());
    EXPECT_THAT(read_trace(path(), {.weigh = true}).sizes, ElementsAre(7, 7, 0));
}

TEST_F(Recording, ends_at_its_bound_with_a_whole_line) {
    auto bounded = options();
    bounded.record_accesses.max_bytes = 1'000;
    const auto cache = C::create(std::move(bounded)).value();
    for (std::uint64_t key = 0; key < 10'000; ++key) {
        (void)cache.get(key);
        runtime_->run_until_idle();
    }
    ASSERT_TRUE(cache.close());
    const auto stats = *cache.stats().recording;
    EXPECT_TRUE(stats.full);
    EXPECT_FALSE(stats.failed);
    EXPECT_LE(std::filesystem::file_size(path()), 1'000u);
    EXPECT_GT(std::filesystem::file_size(path()), 1'000u - 21u);
    EXPECT_EQ(stats.written, keys().size());
    EXPECT_EQ(stats.written + stats.too_late, 10'000u);
    for (std::uint64_t key = 0; key < stats.written; ++key)
        EXPECT_EQ(keys()[key], recorded(key));
}

TEST_F(Recording, drops_and_counts_what_finds_both_buffers_full) {
    const auto cache = C::create(options()).value();
    for (std::uint64_t key = 0; key < 10'000; ++key) // nobody runs the worker's job
        (void)cache.get(key);
    EXPECT_EQ(cache.stats().recording->written, 0u);
    const auto dropped = cache.stats().recording->dropped;
    EXPECT_GT(dropped, 0u);
    ASSERT_TRUE(cache.close());
    EXPECT_EQ(keys().size() + dropped, 10'000u);
}

TEST_F(Recording, is_flushed_by_a_worker_when_its_buffer_is_half_full) {
    const auto cache = C::create(options()).value();
    for (std::uint64_t key = 0; key < 3'000; ++key)
        (void)cache.get(key);
    EXPECT_EQ(cache.stats().recording->written, 0u);
    runtime_->run_until_idle();
    EXPECT_EQ(cache.stats().recording->written, 3'000u);
}

TEST_F(Recording, has_nothing_of_what_comes_after_close) {
    const auto cache = C::create(options()).value();
    (void)cache.get(1);
    ASSERT_TRUE(cache.close());
    (void)cache.get(2);
    EXPECT_THAT(keys(), ElementsAre(recorded(1)));
    EXPECT_EQ(cache.stats().recording->written, 1u);
    EXPECT_EQ(cache.stats().recording->too_late, 0u);
}

TEST_F(Recording, replaces_the_file_that_is_there) {
    for (const std::uint64_t key : {1U, 2U}) {
        const auto cache = C::create(options()).value();
        (void)cache.get(key);
    }
    EXPECT_THAT(keys(), ElementsAre(recorded(2)));
}

TEST_F(Recording, that_cannot_be_written_ends_and_the_cache_goes_on) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no device that is always full";
    auto full = options();
    full.record_accesses.path = "/dev/full";
    const auto cache = C::create(std::move(full)).value();
    for (std::uint64_t key = 0; key < 5'000; ++key) {
        (void)cache.get(key);
        runtime_->run_until_idle();
    }
    (void)cache.put(1, "v");
    EXPECT_TRUE(cache.get(1));
    EXPECT_TRUE(cache.stats().recording->failed);
    EXPECT_EQ(cache.stats().recording->too_late, 5'001u);
    EXPECT_TRUE(cache.close());
}

TEST_F(Recording, of_a_file_that_cannot_be_opened_is_an_error_that_names_the_field) {
    auto nowhere = options();
    nowhere.record_accesses.path = (directory_.path() / "missing" / "x.trace").string();
    const auto cache = C::create(std::move(nowhere));
    ASSERT_FALSE(cache);
    EXPECT_THAT(cache.error().message(), HasSubstr("record_accesses.path"));
    EXPECT_THAT(cache.error().message(), HasSubstr("No such file"));
}

TEST_F(Recording, by_many_threads_loses_nothing_that_it_does_not_count) {
    auto threaded = options(0.5);
    threaded.runtime = nullptr;
    const auto cache = C::create(std::move(threaded)).value();
    std::atomic<std::uint64_t> sampled{0};
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 20'000; ++i) {
                const std::uint64_t key = (i * 7 + t * 13) % 500;
                if (!cache.get(key)) (void)cache.put(key, "v");
                if (hash_of(key) >> 63 == 0) sampled.fetch_add(1);
            }
        });
    threads.clear();
    ASSERT_TRUE(cache.close());
    const auto stats = *cache.stats().recording;
    EXPECT_EQ(stats.written + stats.dropped, sampled.load());
    EXPECT_EQ(keys().size(), stats.written);
}

} // namespace
} // namespace tiercel::lab::test
