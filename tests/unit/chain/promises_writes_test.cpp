// Promises 11, 14, and what other processes see of a clear().
#include "scripted.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace tiercel::testing::chain {
namespace {

TEST(Promise11, a_write_reports_what_each_tier_did) {
    Harness h;
    const auto small = std::make_shared<ScriptedBackend>(*h.runtime);
    small->can.max_value_bytes = 200;
    const auto broken = std::make_shared<ScriptedBackend>(*h.runtime);
    broken->put.failure = Errc::out_of_memory;
    auto options = h.options();
    options.tiers.resize(4);
    options.tiers[1].backend = std::shared_ptr<spi::Backend>(small);
    options.tiers[1].name = "small";
    options.tiers[2].backend = std::shared_ptr<spi::Backend>(broken);
    options.tiers[2].name = "broken";
    options.tiers[3].backend = std::shared_ptr<spi::Backend>(h.backend);
    options.tiers[3].name = "left out";
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "short"));
    ASSERT_EQ(small->data.size(), 1u);

    CallOptions call;
    call.skip = Skip::tier(3);
    const auto report = cache.put("k", std::string(300, 'v'), call);
    ASSERT_TRUE(report);
    ASSERT_EQ(report->tiers.size(), 4u);
    EXPECT_TRUE(report->in_memory);
    EXPECT_FALSE(report->complete());
    EXPECT_EQ(report->tiers[0].kind, TierOutcome::Kind::done);
    EXPECT_EQ(report->tiers[1].kind, TierOutcome::Kind::too_large);
    EXPECT_TRUE(small->data.empty()) << "no older value stays";
    EXPECT_EQ(report->tiers[2].kind, TierOutcome::Kind::queued);
    EXPECT_EQ(*report->tiers[2].error, Errc::out_of_memory);
    EXPECT_EQ(report->tiers[3].kind, TierOutcome::Kind::skipped);
}

TEST(Promise11, a_value_that_the_server_finds_too_large_leaves_no_older_one_behind) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->put.failure = Errc::value_too_large;
    const auto report = cache.put("k", "new");
    EXPECT_EQ(report->tiers.at(0).kind, TierOutcome::Kind::too_large);
    EXPECT_TRUE(h.backend->data.empty());
    h.backend->erase.failure = Errc::connection_lost;
    EXPECT_EQ(cache.put("k", "newer")->tiers.at(0).kind, TierOutcome::Kind::queued) << "nobody knows what is there";
}

TEST(Promise11, a_backend_that_miscounts_its_answers_has_done_nothing_for_sure) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.backend->put.wrong_number = true;
    h.backend->erase.wrong_number = true;
    for (const auto& report : cache.put_many({{"a", "1"}, {"b", "2"}}))
        EXPECT_EQ(report->tiers.at(0).kind, TierOutcome::Kind::queued);
    EXPECT_EQ(cache.invalidate("a")->tiers.at(0).kind, TierOutcome::Kind::queued);
}

TEST(Promise11, a_failed_write_to_the_source_is_an_error_and_drops_the_key_everywhere) {
    Harness h;
    auto options = h.options();
    options.writer = h.source.writer();
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "old"));
    h.source.failure = Error(Errc::writer_failed, "disk full");
    const auto report = cache.put("k", "new");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), Errc::writer_failed);
    EXPECT_EQ(report.error().message(), "disk full");
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_TRUE(h.backend->data.empty());
}

TEST(Promise11, a_writer_that_throws_has_failed) {
    Harness h;
    auto options = h.memory_only();
    options.writer = [](const std::string&, const std::string&) { throw std::runtime_error("disk full"); };
    const auto cache = Harness::make(std::move(options));
    const auto report = cache.put("k", "v");
    EXPECT_EQ(report.error(), Errc::writer_failed);
    EXPECT_NE(report.error().message().find("disk full"), std::string::npos);
    EXPECT_FALSE(cache.get("k"));
}

TEST(Promise11, writes_of_one_key_follow_one_another) {
    Harness h;
    auto options = h.options();
    options.writer = h.source.writer();
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    Caught<Result<WriteReport>> first, second;
    cache.async_put("k", "1", {}, h.into(first));
    cache.async_put("k", "2", {}, h.into(second));
    h.idle();
    EXPECT_EQ(h.source.writes, 1);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(first.calls + second.calls, 2);
    EXPECT_EQ(h.source.most_writing, 1);
    EXPECT_EQ(h.source.rows["k"], "2");
    EXPECT_EQ(text(cache.get("k")), "2");
    EXPECT_EQ(text(cache.get("k", past_memory())), "2");
}

TEST(Promise11, writes_of_one_key_within_a_batch_follow_one_another) {
    Harness h;
    auto options = h.options();
    options.writer = h.source.writer();
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    Caught<std::vector<Result<WriteReport>>> caught;
    cache.async_put_many({{"k", "1"}, {"other", "o"}, {"k", "2"}, {"k", "3"}}, {}, h.into(caught));
    h.idle();
    EXPECT_EQ(h.source.writes, 2);
    h.source.gate.open();
    h.idle();
    ASSERT_EQ(caught.calls, 1);
    for (const auto& report : *caught.value)
        EXPECT_TRUE(report);
    EXPECT_EQ(h.source.rows["k"], "3");
    EXPECT_EQ(text(cache.get("k")), "3");
    EXPECT_EQ(text(cache.get("k", past_memory())), "3");
}

TEST(Promise11, ten_thousand_writes_of_one_key_do_not_exhaust_the_stack) {
    Harness h;
    auto options = h.memory_only();
    options.writer = h.source.writer();
    options.loading.max_concurrent = 1;
    options.loading.max_waiting = 10'000;
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    std::vector<std::pair<std::string, std::string>> items(10'000, {"k", "v"});
    Caught<std::vector<Result<WriteReport>>> caught;
    cache.async_put_many(std::move(items), {}, h.into(caught));
    h.idle();
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(caught.calls, 1);
}

TEST(Promise11, a_write_that_succeeds_after_it_was_given_up_drops_what_was_loaded_since) {
    Harness h;
    auto options = h.options();
    options.writer = h.source.writer();
    options.timeouts.source = 1s;
    const auto cache = Harness::make(std::move(options));
    h.source.rows["k"] = "old";
    h.source.gate.shut();
    EXPECT_EQ(cache.put("k", "new").error(), Errc::timeout);
    h.idle();
    // A load of the old row, while the write is under way at the source. Its gate is the writer's: open it for both.
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(h.source.rows["k"], "new");
    EXPECT_NE(text(cache.get("k")), "old");
    EXPECT_EQ(text(cache.get_or_load("k")), "new");
}

TEST(Promise11, a_strict_write_fails_with_its_tier) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.backend->put.failure = Errc::read_only;
    h.backend->erase.failure = Errc::read_only;
    EXPECT_EQ(cache.put("k", "v", strict()).error(), Errc::read_only);
    EXPECT_EQ(cache.invalidate("k", strict()).error(), Errc::read_only);
    EXPECT_EQ(cache.clear(strict()).error(), Errc::read_only);
}

struct Departure {
    std::string key, value;
    RemovalCause cause;
    friend bool operator==(const Departure&, const Departure&) = default;
};

TEST(Promise14, a_listener_hears_of_each_departure_once_with_its_cause) {
    Harness h;
    std::vector<Departure> heard;
    auto options = h.memory_only();
    options.memory.max_entries = 2;
    options.memory.eviction = eviction::lru();
    options.memory.shards = 1;
    options.memory.on_removal = [&](const std::string& key, const Handle<std::string>& value, RemovalCause cause) {
        heard.push_back({key, *value, cause});
    };
    const auto cache = Harness::make(std::move(options));
    const auto take = [&] { return std::exchange(heard, {}); };
    using Heard = std::vector<Departure>;
    ASSERT_TRUE(cache.put("a", "1"));
    ASSERT_TRUE(cache.put("a", "2"));
    EXPECT_EQ(take(), (Heard{{"a", "1", RemovalCause::replaced}}));
    ASSERT_TRUE(cache.invalidate("a"));
    ASSERT_TRUE(cache.invalidate("a"));
    EXPECT_EQ(take(), (Heard{{"a", "2", RemovalCause::explicit_}}));
    ASSERT_TRUE(cache.put("b", "3", living(1s)));
    h.runtime->advance(10s); // without being touched again
    EXPECT_EQ(take(), (Heard{{"b", "3", RemovalCause::expired}}));
    ASSERT_TRUE(cache.put("c", "4"));
    ASSERT_TRUE(cache.put("d", "5"));
    ASSERT_TRUE(cache.put("e", "6"));
    EXPECT_EQ(take(), (Heard{{"c", "4", RemovalCause::size}}));
    ASSERT_TRUE(cache.invalidate("d"));
    (void)take();
    ASSERT_TRUE(cache.close());
    EXPECT_EQ(take(), (Heard{{"e", "6", RemovalCause::closed}}));
}

TEST(Promise14, a_listener_that_throws_is_counted_and_harms_nothing) {
    Harness h;
    auto options = h.memory_only();
    options.memory.on_removal = [](const std::string&, const Handle<std::string>&, RemovalCause) {
        throw std::runtime_error("no");
    };
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", "1"));
    EXPECT_TRUE(cache.invalidate("a"));
    EXPECT_EQ(cache.stats().listener_failures, 1u);
}

TEST(Clear, other_processes_heed_it_within_a_second) {
    Harness h;
    const auto one = Harness::make(h.options());
    const auto two = Harness::make(h.options());
    ASSERT_TRUE(one.put("k", "old"));
    EXPECT_EQ(text(two.get("k", past_memory())), "old");
    ASSERT_TRUE(one.clear());
    h.runtime->advance(1s);
    EXPECT_EQ(text(two.get("k", past_memory())), "(nothing)");
    EXPECT_EQ(two.stats().tiers.at(0).cleared, 1u);
    ASSERT_TRUE(one.put("k", "new"));
    EXPECT_EQ(text(two.get("k", past_memory())), "new");
}

TEST(Clear, is_heeded_by_a_read_that_goes_along_with_the_one_that_hears_of_it) {
    Harness h;
    const auto one = Harness::make(h.options());
    const auto two = Harness::make(h.options());
    ASSERT_TRUE(one.put("k", "old"));
    ASSERT_EQ(text(two.get("other")), "(nothing)"); // knows that there is no marker
    ASSERT_TRUE(one.clear());
    h.runtime->advance(2s);
    h.backend->get.after.shut();
    Caught<Harness::Read> first, second;
    two.async_get("another", {}, h.into(first));
    h.idle();
    two.async_get("k", {}, h.into(second));
    h.idle();
    h.backend->get.after.open_last_first();
    h.idle();
    EXPECT_EQ(text(*second.value), "(nothing)");
}

TEST(Clear, a_process_that_starts_later_never_sees_what_was_cleared) {
    Harness h;
    const auto one = Harness::make(h.options());
    ASSERT_TRUE(one.put("a", "old"));
    ASSERT_TRUE(one.put("b", "old"));
    ASSERT_TRUE(one.clear());
    const auto two = Harness::make(h.options());
    h.backend->get.after.shut();
    Caught<Harness::Read> a, b;
    two.async_get("a", {}, h.into(a));
    two.async_get("b", {}, h.into(b));
    h.idle();
    h.backend->get.after.open();
    h.idle();
    EXPECT_EQ(text(*a.value), "(nothing)");
    EXPECT_EQ(text(*b.value), "(nothing)");
}

} // namespace
} // namespace tiercel::testing::chain
