// A cache over a real journal.
#include "support/temp_dir.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/journal.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tiercel {
namespace {

using namespace std::chrono_literals;
using C = Cache<std::string, std::string>;

struct JournalInCache : testing::Test {
    test::TempDir dir;
    std::filesystem::path path = dir.path() / "journal";
    std::atomic<bool> down{false};
    std::mutex mutex;
    std::map<std::string, std::string> rows;

    C::Options options() {
        C::Options made;
        made.name = "kept";
        made.timeouts.close = 2s;
        made.writer = [this](const std::string& key, const std::string& value) -> Result<void> {
            if (down) return Error(Errc::writer_failed, "down");
            const std::lock_guard lock(mutex);
            rows[key] = value;
            return {};
        };
        made.write_behind.acknowledge = Acknowledge::journal;
        made.write_behind.journal = open_journal(path, {.survives = Survives::process});
        made.write_behind.delay = 1ms;
        made.write_behind.retry_min = 1ms;
        return made;
    }
};

TEST_F(JournalInCache, what_the_source_did_not_take_is_written_by_the_next_cache) {
    down = true;
    {
        auto first = options();
        first.timeouts.close = 10ms;
        const auto cache = C::create(std::move(first)).value();
        for (int i = 0; i < 100; ++i)
            ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    }
    EXPECT_TRUE(rows.empty());
    down = false;
    const auto cache = C::create(options()).value();
    EXPECT_EQ(cache.stats().write_behind->recovered, 100u);
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(rows.size(), 100u);
    const auto last = C::create(options());
    ASSERT_TRUE(last) << last.error().message();
    EXPECT_EQ(last->stats().write_behind->recovered, 0u);
}

TEST_F(JournalInCache, many_threads_put_at_once_and_each_key_ends_with_its_last_value) {
    const auto cache = C::create(options()).value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i)
                EXPECT_TRUE(cache.put(std::to_string(t) + "-" + std::to_string(i % 10), std::to_string(i)));
        });
    }
    for (auto& thread : threads)
        thread.join();
    const auto stats = cache.stats().write_behind.value();
    EXPECT_EQ(stats.journal_records, 1'600u);
    EXPECT_TRUE(cache.close());
    ASSERT_EQ(rows.size(), 80u);
    for (const auto& [key, value] : rows)
        EXPECT_EQ(value, "19" + key.substr(key.find('-') + 1)) << key;
}

TEST_F(JournalInCache, the_journal_of_a_cache_that_lives_is_not_for_another) {
    auto shared = options();
    const auto journal = shared.write_behind.journal;
    const auto cache = C::create(std::move(shared)).value();
    auto second = options();
    second.write_behind.journal = journal;
    EXPECT_EQ(C::create(std::move(second)).error(), Errc::invalid_option);
    auto third = options(); // opens the file once more
    EXPECT_EQ(C::create(std::move(third)).error(), Errc::connection_failed);
}

TEST_F(JournalInCache, destruction_with_appends_under_way_is_safe) {
    for (int round = 0; round < 20; ++round) {
        std::vector<std::thread> threads;
        {
            path = dir.path() / std::to_string(round); // the last one may be at work yet
            auto hurried = options();
            hurried.timeouts.close = 0s;
            auto cache = std::make_shared<C>(C::create(std::move(hurried)).value());
            for (int t = 0; t < 4; ++t) {
                threads.emplace_back([cache, t] {
                    for (int i = 0; cache->put(std::to_string(t), std::to_string(i)); ++i) {
                    }
                });
            }
            (void)cache->put("main", "v");
            (void)cache->close();
        }
        for (auto& thread : threads)
            thread.join();
    }
}

} // namespace
} // namespace tiercel
