// The cache's way to its journal, on a virtual clock.
#include "chain/journal_lane.hpp"

#include <tiercel/testing/virtual_runtime.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tiercel::chain {
namespace {

using namespace std::chrono_literals;

/// Fails calls as told.
class FailingJournal final : public spi::Journal {
public:
    std::set<std::string> rows;
    std::function<bool(std::span<const spi::JournalRecord>)> refuses = [](auto) { return false; };
    std::function<void()> during_remove = [] {};
    bool removes_fail = false;
    int appends = 0;
    int removes = 0;
    int ended = 0;

    Result<spi::JournalContents> begin(const spi::JournalIdentity&,
                                       const std::function<void(const spi::JournalRecord&)>&) override {
        return spi::JournalContents();
    }
    Result<void> append(std::span<const spi::JournalRecord> records) override {
        ++appends;
        if (refuses(records)) return Error(Errc::writer_failed, "refused");
        for (const auto& record : records)
            rows.emplace(record.key);
        return {};
    }
    Result<void> remove(std::span<const spi::JournalRemoval> removals) override {
        ++removes;
        during_remove();
        if (removes_fail) return Error(Errc::writer_failed, "I/O error");
        for (const auto& removal : removals)
            rows.erase(std::string(removal.key));
        return {};
    }
    void end() noexcept override { ++ended; }
    std::string_view name() const noexcept override { return "failing"; }
};

struct JournalLaneTest : ::testing::Test {
    std::shared_ptr<tiercel::testing::VirtualRuntime> runtime = std::make_shared<tiercel::testing::VirtualRuntime>();
    std::shared_ptr<Scope> scope = std::make_shared<Scope>();
    std::shared_ptr<FailingJournal> journal = std::make_shared<FailingJournal>();
    std::shared_ptr<JournalLane> lane = std::make_shared<JournalLane>(journal, runtime, scope);
    std::map<std::string, bool> taken; ///< by key
    int removed = 0;

    void SetUp() override {
        ASSERT_TRUE(lane->begin_journal({}, [](const spi::JournalRecord&) {}));
    }

    void append(const std::string& key, std::size_t bytes = 1) {
        lane->append({key, Bytes(bytes, 'v'), 1, [this, key](const Result<void>& result) {
                          EXPECT_TRUE(taken.emplace(key, result.has_value()).second) << "told twice: " << key;
                      }});
    }
    void remove(const std::string& key) {
        lane->remove({key, 1, [this] { ++removed; }});
    }
    /// As the cache does it: what is pending in its queue is counted.
    bool close() {
        bool empty = false;
        EXPECT_TRUE(scope->close([&empty] { empty = true; }));
        runtime->advance(1s);
        (void)scope->finish();
        return empty;
    }
};

TEST_F(JournalLaneTest, an_append_that_does_not_fit_fails_alone) {
    journal->refuses = [](std::span<const spi::JournalRecord> records) {
        for (const auto& record : records)
            if (record.value.size() > 100) return true;
        return false;
    };
    for (int i = 0; i < 50; ++i)
        append("small " + std::to_string(i));
    append("large", 1'000);
    for (int i = 50; i < 100; ++i)
        append("small " + std::to_string(i));
    runtime->run_until_idle();
    ASSERT_EQ(taken.size(), 101u);
    for (const auto& [key, was_taken] : taken)
        EXPECT_EQ(was_taken, key != "large") << key;
    EXPECT_EQ(journal->rows.size(), 100u);
    EXPECT_EQ(lane->records(), 100u);
    EXPECT_TRUE(close());
}

TEST_F(JournalLaneTest, what_there_is_room_for_goes_in_and_the_rest_is_refused) {
    std::size_t room = 500;
    journal->refuses = [&](std::span<const spi::JournalRecord> records) {
        std::size_t bytes = 0;
        for (const auto& record : records)
            bytes += record.value.size();
        if (bytes > room) return true;
        room -= bytes;
        return false;
    };
    for (int i = 0; i < 100; ++i)
        append(std::to_string(i), 100);
    runtime->run_until_idle();
    ASSERT_EQ(taken.size(), 100u);
    EXPECT_EQ(journal->rows.size(), 5u);
    for (const auto& [key, was_taken] : taken)
        EXPECT_EQ(was_taken, journal->rows.contains(key)) << key;
}

TEST_F(JournalLaneTest, a_journal_that_takes_nothing_is_not_asked_for_each_append) {
    journal->refuses = [](auto) { return true; };
    for (int i = 0; i < 10'000; ++i)
        append(std::to_string(i));
    runtime->run_until_idle();
    EXPECT_EQ(taken.size(), 10'000u);
    for (const auto& [key, was_taken] : taken)
        EXPECT_FALSE(was_taken) << key;
    EXPECT_LT(journal->appends, 50);
    EXPECT_EQ(lane->failures(), std::uint64_t(journal->appends));
}

TEST_F(JournalLaneTest, an_append_does_not_wait_out_the_pause_of_a_failed_removal) {
    journal->removes_fail = true;
    remove("k");
    runtime->run_until_idle();
    ASSERT_EQ(journal->removes, 1);
    append("a");
    remove("l");
    runtime->run_until_idle();
    EXPECT_TRUE(taken["a"]);
    EXPECT_EQ(journal->removes, 1) << "removals wait";
    journal->removes_fail = false;
    runtime->advance(JournalLane::pause);
    EXPECT_EQ(removed, 2);
    EXPECT_EQ(journal->removes, 2);
    EXPECT_TRUE(close());
}

TEST_F(JournalLaneTest, removals_that_fail_do_not_hold_up_close) {
    journal->removes_fail = true;
    remove("k");
    runtime->run_until_idle();
    EXPECT_TRUE(close());
    EXPECT_EQ(removed, 1) << "given up";
    EXPECT_EQ(journal->removes, 2) << "tried once more";
    lane->end();
    EXPECT_EQ(journal->ended, 1);
}

TEST_F(JournalLaneTest, a_removal_that_fails_while_the_lane_ends_is_let_go) {
    const auto held = std::make_shared<int>();
    journal->removes_fail = true;
    journal->during_remove = [this] { lane->end(); };
    lane->remove({"k", 1, [held] {}});
    runtime->advance(1s);
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(journal->ended, 1);
    EXPECT_TRUE(close());
}

} // namespace
} // namespace tiercel::chain
