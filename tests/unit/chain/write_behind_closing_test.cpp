// Write-behind while the cache closes: what the journal keeps, what is told, and what may not come back.
#include "scripted_journal.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

TEST(WriteBehindClosing, close_succeeds_when_records_cannot_be_removed) {
    Journalled h;
    h.journal->remove_failure = Error(Errc::writer_failed, "I/O error");
    const auto cache = Harness::make(h.journalled());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    const auto begun = h.runtime->now();
    EXPECT_TRUE(cache.close());
    EXPECT_LT(h.runtime->now() - begun, 1s);
    EXPECT_EQ(cache.stats().write_behind->left_in_journal, 0u);
    EXPECT_EQ(h.journal->rows.size(), 3u) << "written once more by the next cache";
    EXPECT_EQ(h.journal->ended, 1);
}

TEST(WriteBehindClosing, what_close_cannot_write_stays_in_the_journal_and_is_told) {
    Journalled h;
    std::vector<Event> events;
    auto options = h.journalled();
    options.on_event = [&](const Event& event) { events.push_back(event); };
    h.source.failure = Error(Errc::writer_failed, "down");
    {
        const auto cache = Harness::make(std::move(options));
        ASSERT_TRUE(cache.put("k", "v"));
        EXPECT_FALSE(cache.close());
        EXPECT_EQ(cache.stats().write_behind->left_in_journal, 1u);
        EXPECT_EQ(cache.stats().write_behind->lost, 0u);
    }
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(std::get<WritesLeft>(events[0].what).in_journal, 1u);
    EXPECT_EQ(h.journal->rows.size(), 1u);
    EXPECT_EQ(h.journal->ended, 1);
    h.source.failure.reset();
    const auto again = Harness::make(h.journalled());
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "v");
}

TEST(WriteBehindClosing, close_leaves_nothing_in_the_journal_that_the_source_has) {
    Journalled h;
    const auto cache = Harness::make(h.journalled());
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(h.source.rows.size(), 100u);
    EXPECT_TRUE(h.journal->rows.empty());
    EXPECT_EQ(h.journal->ended, 1);
}

TEST(WriteBehindClosing, an_outage_while_it_closes_drops_nothing_from_the_journal) {
    Journalled h;
    auto options = h.journalled();
    options.write_behind.max_attempts = 3;
    h.source.failure = Error(Errc::writer_failed, "down");
    const auto cache = Harness::make(std::move(options));
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    EXPECT_FALSE(cache.close());
    EXPECT_EQ(cache.stats().write_behind->dropped, 0u);
    EXPECT_EQ(cache.stats().write_behind->left_in_journal, 10u);
    EXPECT_EQ(h.journal->rows.size(), 10u);
}

TEST(WriteBehindClosing, close_does_not_wait_out_the_pause_of_a_failed_removal) {
    Journalled h;
    auto options = h.journalled();
    options.write_behind.delay = 0s;
    const auto cache = Harness::make(std::move(options));
    h.journal->remove_failure = Error(Errc::writer_failed, "I/O error");
    ASSERT_TRUE(cache.put("k", "v"));
    h.idle();
    ASSERT_GT(h.journal->removes, 0);
    h.journal->remove_failure.reset();
    const auto began = h.runtime->now();
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(h.runtime->now(), began);
    EXPECT_TRUE(h.journal->rows.empty());
}

TEST(WriteBehindClosing, a_value_that_lands_late_meanwhile_is_not_hidden_from_other_processes_by_a_load) {
    Harness h;
    Gate lands;
    int calls = 0;
    auto options = h.options();
    options.timeouts.source = 1s;
    options.timeouts.close = 10s;
    options.write_behind.acknowledge = Acknowledge::memory;
    options.write_behind.delay = 0s;
    options.writer = [&](const std::string& key, const std::string& value) -> asio::awaitable<Result<void>> {
        const std::string row = key;
        const std::string text = value;
        if (calls++ == 0) co_await lands.pass();
        h.source.rows[row] = text;
        co_return Result<void>();
    };
    lands.shut();
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "1"));
    h.idle();
    ASSERT_TRUE(cache.put("k", "2"));
    h.runtime->advance(2s);
    ASSERT_EQ(h.source.rows["k"], "2");
    ASSERT_TRUE(cache.invalidate("k"));
    h.source.gate.shut(); // the load has read the row, and has not answered
    Caught<Harness::Read> loading;
    cache.async_get_or_load("k", {}, h.into(loading));
    h.idle();
    Caught<Result<void>> closed;
    cache.async_close(h.into(closed));
    h.idle();
    lands.open();
    h.idle();
    ASSERT_EQ(h.source.rows["k"], "1");
    h.source.gate.open();
    h.runtime->advance(10s);
    ASSERT_EQ(closed.calls, 1);
    EXPECT_TRUE(*closed.value) << closed.value->error().message();
    EXPECT_TRUE(h.backend->data.empty()) << "what the source has no more";
}

} // namespace
} // namespace tiercel::testing::chain
