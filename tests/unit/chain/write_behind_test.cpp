// Writes that the source of truth gets after they were acknowledged, in memory.
#include "scripted.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

using Put = Result<WriteReport>;

struct Behind : Harness {
    C::Options behind() {
        auto made = memory_only();
        made.writer = source.writer();
        made.write_behind.acknowledge = Acknowledge::memory;
        return made;
    }
    /// A batch writer that notes the batches.
    std::vector<std::vector<std::string>> batches;
    Writer<std::string, std::string> batch_writer() {
        return [this](std::span<const Write<std::string, std::string>> writes) {
            auto& batch = batches.emplace_back();
            std::vector<Result<void>> results;
            for (const auto& write : writes) {
                batch.push_back(write.key);
                if (write.value == "poison") return std::vector<Result<void>>(); // the whole batch fails
                source.rows[write.key] = write.value;
                results.emplace_back();
            }
            return results;
        };
    }
};

TEST(WriteBehind, a_put_is_acknowledged_before_the_source_has_it_and_says_so) {
    Behind h;
    h.source.gate.shut();
    const auto cache = Harness::make(h.behind());
    const auto report = cache.put("k", "v");
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->source, SourceOutcome::in_memory);
    EXPECT_TRUE(report->in_memory);
    EXPECT_EQ(text(cache.get("k")), "v");
    EXPECT_TRUE(h.source.rows.empty());
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "v");
    EXPECT_EQ(cache.stats().write_behind->pending, 0u);
    EXPECT_EQ(cache.stats().write_behind->written, 1u);
}

TEST(WriteBehind, a_write_through_put_says_that_the_source_has_it) {
    Behind h;
    auto options = h.behind();
    options.write_behind.acknowledge = Acknowledge::source;
    const auto cache = Harness::make(std::move(options));
    EXPECT_EQ(cache.put("k", "v")->source, SourceOutcome::written);
    EXPECT_EQ(cache.invalidate("k")->source, SourceOutcome::none);
    EXPECT_FALSE(cache.stats().write_behind);
}

TEST(WriteBehind, puts_of_one_key_are_coalesced_to_the_newest) {
    Behind h;
    const auto cache = Harness::make(h.behind());
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(cache.put("k", std::to_string(i)));
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.writes, 1);
    EXPECT_EQ(h.source.rows["k"], "4");
    EXPECT_EQ(cache.stats().write_behind->coalesced, 4u);
}

TEST(WriteBehind, a_batch_waits_for_its_delay_or_until_it_is_full) {
    Behind h;
    auto options = h.behind();
    options.writer = h.batch_writer();
    options.write_behind.max_batch = 3;
    options.write_behind.delay = 1s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", "1"));
    ASSERT_TRUE(cache.put("b", "1"));
    h.runtime->advance(999ms);
    EXPECT_TRUE(h.batches.empty());
    ASSERT_TRUE(cache.put("c", "1"));
    h.idle();
    EXPECT_EQ(h.batches, (std::vector<std::vector<std::string>>{{"a", "b", "c"}}));
    ASSERT_TRUE(cache.put("d", "1"));
    h.runtime->advance(1s);
    ASSERT_EQ(h.batches.size(), 2u);
    EXPECT_EQ(h.batches[1], std::vector<std::string>{"d"});
}

TEST(WriteBehind, writes_of_one_key_follow_one_another_and_the_last_is_the_newest) {
    Behind h;
    h.source.gate.shut();
    const auto cache = Harness::make(h.behind());
    ASSERT_TRUE(cache.put("k", "1"));
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.writing, 1);
    ASSERT_TRUE(cache.put("k", "2"));
    ASSERT_TRUE(cache.put("k", "3"));
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.writing, 1) << "the first is still under way";
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.most_writing, 1);
    EXPECT_EQ(h.source.writes, 2);
    EXPECT_EQ(h.source.rows["k"], "3");
}

TEST(WriteBehind, a_write_that_fails_is_tried_again_with_growing_pauses) {
    Behind h;
    auto options = h.behind();
    options.write_behind.retry_min = 100ms;
    options.write_behind.retry_max = 1s;
    const auto cache = Harness::make(std::move(options));
    h.source.failure = Error(Errc::writer_failed, "down");
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(1min);
    EXPECT_GE(h.source.writes, 58);
    EXPECT_LE(h.source.writes, 130);
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    h.source.failure.reset();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "v");
    EXPECT_EQ(cache.stats().write_behind->retried, static_cast<std::uint64_t>(h.source.writes - 1));
}

TEST(WriteBehind, a_key_that_fails_holds_up_no_other) {
    Behind h;
    auto options = h.behind();
    options.writer = h.batch_writer();
    options.write_behind.max_batch = 4;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("bad", "poison"));
    for (const auto* key : {"a", "b", "c"})
        ASSERT_TRUE(cache.put(key, "1"));
    h.idle();
    EXPECT_TRUE(h.source.rows.empty()) << "the whole batch failed";
    h.runtime->advance(2s);
    EXPECT_EQ(h.source.rows.size(), 3u) << "in smaller batches";
    ASSERT_TRUE(cache.put("d", "1"));
    h.runtime->advance(100ms);
    EXPECT_EQ(h.source.rows.size(), 4u);
    EXPECT_EQ(cache.stats().write_behind->pending, 1u);
}

TEST(WriteBehind, a_write_is_given_up_after_its_attempts_and_readers_see_the_sources_truth) {
    Behind h;
    std::vector<Event> events;
    auto options = h.behind();
    options.write_behind.max_attempts = 3;
    options.on_event = [&](const Event& event) { events.push_back(event); };
    const auto cache = Harness::make(std::move(options));
    h.source.rows["k"] = "the source's";
    h.source.failure = Error(Errc::writer_failed, "never");
    ASSERT_TRUE(cache.put("k", "mine"));
    h.runtime->advance(1min);
    h.source.failure.reset();
    EXPECT_EQ(h.source.writes, 3);
    EXPECT_EQ(text(cache.get_or_load("k")), "the source's");
    EXPECT_EQ(cache.stats().write_behind->dropped, 1u);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(std::get<WriteDropped>(events[0].what).key, "k");
    EXPECT_EQ(std::get<WriteDropped>(events[0].what).reason.message(), "never");
    EXPECT_EQ(to_string(events[0]), "cache 'test': a pending write was given up (writer_failed: never)");
}

TEST(WriteBehind, a_write_that_does_not_answer_in_time_is_tried_again) {
    Behind h;
    h.source.gate.shut();
    auto options = h.behind();
    options.timeouts.source = 1s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(1200ms);
    EXPECT_EQ(cache.stats().write_behind->retried, 1u);
    h.source.gate.open(); // the late answer too
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.writes, 2);
    EXPECT_EQ(cache.stats().write_behind->pending, 0u);
}

TEST(WriteBehind, a_key_with_a_pending_write_is_never_asked_of_the_loader) {
    Behind h;
    h.source.failure = Error(Errc::writer_failed, "down");
    const auto cache = Harness::make(h.behind());
    h.source.rows["k"] = "old";
    ASSERT_TRUE(cache.put("k", "new"));
    const auto past = cache.get_or_load("k", past_memory());
    EXPECT_EQ(text(past), "new");
    EXPECT_EQ(past->source().kind, Source::Kind::queue);
    ASSERT_TRUE(cache.invalidate("k"));
    EXPECT_EQ(text(cache.get_or_load("k")), "new");
    EXPECT_EQ(text(cache.get("k")), "new") << "it is in memory again";
    ASSERT_TRUE(cache.clear());
    EXPECT_EQ(text(cache.get_or_load("k")), "new");
    ASSERT_TRUE(cache.clear());
    ASSERT_TRUE(cache.prime(std::vector<std::string>{"k"}));
    EXPECT_EQ(text(cache.get("k")), "new");
    h.runtime->advance(11min);
    EXPECT_EQ(text(cache.get("k")), "(nothing)") << "its life in memory is over";
    EXPECT_EQ(text(cache.get_or_load("k")), "new") << "and the source has yet to take it";
    EXPECT_EQ(h.source.loads, 0);
}

TEST(WriteBehind, a_pending_write_goes_before_what_a_tier_has) {
    Behind h;
    h.source.failure = Error(Errc::writer_failed, "down");
    auto options = h.behind();
    options.tiers = h.options().tiers;
    const auto cache = Harness::make(std::move(options));
    auto elsewhere = h.options();
    elsewhere.loader = [](const std::string&) { return std::string("old"); };
    const auto other = Harness::make(std::move(elsewhere));
    ASSERT_TRUE(cache.put("k", "new"));
    ASSERT_TRUE(other.invalidate("k"));
    EXPECT_EQ(text(other.get_or_load("k")), "old") << "the source has it still";
    EXPECT_EQ(text(cache.get_or_load("k", past_memory())), "new");
}

TEST(WriteBehind, a_plain_lookup_puts_no_older_value_of_a_tier_into_memory_while_a_write_is_pending) {
    Behind h;
    h.source.failure = Error(Errc::writer_failed, "down");
    auto options = h.behind();
    options.tiers = h.options().tiers;
    const auto cache = Harness::make(std::move(options));
    auto elsewhere = h.options();
    elsewhere.loader = [](const std::string&) { return std::string("old"); };
    const auto other = Harness::make(std::move(elsewhere));
    ASSERT_TRUE(cache.put("k", "new"));
    ASSERT_TRUE(cache.invalidate("k"));
    ASSERT_TRUE(other.invalidate("k"));
    ASSERT_EQ(text(other.get_or_load("k")), "old");
    EXPECT_EQ(text(cache.get("k")), "new");
    EXPECT_EQ(text(cache.get_or_load("k")), "new");
}

TEST(WriteBehind, a_load_under_way_does_not_bring_back_what_a_put_has_replaced) {
    Behind h;
    const auto cache = Harness::make(h.behind());
    h.source.rows["k"] = "old";
    h.source.gate.shut();
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    ASSERT_TRUE(cache.put("k", "new"));
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*load.value), "old") << "it began before the put";
    EXPECT_EQ(text(cache.get("k")), "new");
}

TEST(WriteBehind, a_put_waits_for_room_in_order_and_gets_it) {
    Behind h;
    h.source.gate.shut();
    auto options = h.behind();
    options.write_behind.max_writes = 2;
    options.write_behind.delay = 0s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", "1"));
    ASSERT_TRUE(cache.put("b", "1"));
    Caught<Put> c, d, a;
    cache.async_put("c", "1", {}, h.into(c));
    cache.async_put("d", "1", {}, h.into(d));
    cache.async_put("a", "2", {}, h.into(a));
    h.idle();
    EXPECT_EQ(c.calls + d.calls, 0);
    EXPECT_EQ(a.calls, 1) << "a pending key needs no room";
    EXPECT_EQ(cache.stats().pressure.puts_waiting, 2u);
    EXPECT_EQ(cache.stats().pressure.pending_writes, 2u);
    EXPECT_EQ(cache.stats().pressure.max_pending_writes, 2u);
    h.source.gate.open();
    h.runtime->advance(1s);
    ASSERT_EQ(c.calls + d.calls, 2);
    EXPECT_TRUE(*c.value);
    EXPECT_TRUE(*d.value);
    EXPECT_EQ(h.source.rows.size(), 4u);
    EXPECT_EQ(h.source.rows["a"], "2");
}

TEST(WriteBehind, a_put_that_gets_no_room_by_its_deadline_says_what_is_full_and_changes_nothing) {
    Behind h;
    h.source.gate.shut();
    auto options = h.behind();
    options.write_behind.max_writes = 1;
    const auto cache = Harness::make(std::move(options));
    h.source.rows["b"] = "old";
    ASSERT_TRUE(cache.put("a", "1"));
    const auto began = h.runtime->now();
    const auto report = cache.put("b", "1", within(2s));
    EXPECT_EQ(h.runtime->now() - began, 2s);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), Errc::overloaded);
    EXPECT_NE(report.error().message().find("WriteBehindOptions::max_writes"), std::string::npos);
    h.source.gate.open();
    h.runtime->advance(1min);
    EXPECT_EQ(h.source.rows["b"], "old");
    EXPECT_EQ(text(cache.get_or_load("b")), "old");
}

TEST(WriteBehind, those_that_wait_for_room_are_bounded) {
    Behind h;
    h.source.gate.shut();
    auto options = h.behind();
    options.write_behind.max_writes = 1;
    options.loading.max_waiting = 1;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", "1"));
    Caught<Put> waits;
    cache.async_put("b", "1", {}, h.into(waits));
    h.idle();
    const auto report = cache.put("c", "1");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), Errc::overloaded);
    EXPECT_NE(report.error().message().find("LoadingOptions::max_waiting"), std::string::npos);
}

TEST(WriteBehind, a_batch_of_puts_larger_than_the_queue_goes_through) {
    Behind h;
    auto options = h.behind();
    options.write_behind.max_writes = 3;
    options.write_behind.delay = 0s;
    const auto cache = Harness::make(std::move(options));
    std::vector<std::pair<std::string, std::string>> items;
    for (int i = 0; i < 50; ++i)
        items.emplace_back(std::to_string(i), "v");
    for (const auto& report : cache.put_many(std::move(items)))
        EXPECT_TRUE(report);
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows.size(), 50u);
}

TEST(WriteBehind, close_drains_what_is_pending_at_once) {
    Behind h;
    auto options = h.behind();
    options.write_behind.delay = 1h;
    const auto cache = Harness::make(std::move(options));
    for (int i = 0; i < 1'000; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    const auto began = h.runtime->now();
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(h.runtime->now(), began);
    EXPECT_EQ(h.source.rows.size(), 1'000u);
    EXPECT_EQ(cache.stats().write_behind->lost, 0u);
}

TEST(WriteBehind, close_cuts_the_pause_of_a_failed_write_short) {
    Behind h;
    auto options = h.behind();
    options.write_behind.retry_min = options.write_behind.retry_max = 1h;
    const auto cache = Harness::make(std::move(options));
    h.source.failure = Error(Errc::writer_failed, "down");
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.writes, 1);
    h.source.failure.reset();
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(h.source.rows["k"], "v");
}

TEST(WriteBehind, what_close_cannot_write_in_time_is_counted_and_told_as_lost_and_nothing_runs_after) {
    Behind h;
    std::vector<Event> events;
    auto options = h.behind();
    options.on_event = [&](const Event& event) { events.push_back(event); };
    const auto cache = Harness::make(std::move(options));
    h.source.failure = Error(Errc::writer_failed, "down");
    for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    const auto began = h.runtime->now();
    const auto closed = cache.close();
    EXPECT_EQ(h.runtime->now() - began, 5s);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error(), Errc::timeout);
    EXPECT_EQ(cache.stats().write_behind->lost, 7u);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(std::get<WritesLeft>(events[0].what).lost, 7u);
    EXPECT_EQ(to_string(events[0]), "cache 'test': closed, and lost 7 pending writes");
    const auto writes = h.source.writes;
    h.source.failure.reset();
    h.runtime->advance(1h);
    EXPECT_EQ(h.source.writes, writes);
    EXPECT_EQ(events.size(), 1u);
}

TEST(WriteBehind, a_put_that_waits_for_room_hears_of_close) {
    Behind h;
    h.source.gate.shut();
    auto options = h.behind();
    options.write_behind.max_writes = 1;
    options.timeouts.call = 1min;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", "1"));
    Caught<Put> waits;
    cache.async_put("b", "1", {}, h.into(waits));
    h.idle();
    EXPECT_FALSE(cache.close());
    h.idle();
    ASSERT_EQ(waits.calls, 1);
    EXPECT_EQ(waits.value->error(), Errc::closed);
}

TEST(WriteBehind, destruction_with_thousands_pending_is_safe) {
    Behind h;
    h.source.gate.shut();
    Caught<Put> puts;
    {
        auto options = h.behind();
        options.write_behind.max_writes = 2'500;
        options.timeouts.close = 0s;
        const auto cache = Harness::make(std::move(options));
        for (int i = 0; i < 5'000; ++i)
            cache.async_put(std::to_string(i), "v", {}, h.into(puts));
        h.runtime->advance(1s);
    }
    h.source.gate.open();
    h.runtime->advance(1h);
    EXPECT_EQ(puts.calls, 5'000);
}

TEST(WriteBehind, tiers_have_the_value_at_once) {
    Behind h;
    h.source.failure = Error(Errc::writer_failed, "down");
    auto options = h.behind();
    options.tiers = h.options().tiers;
    const auto cache = Harness::make(std::move(options));
    const auto report = cache.put("k", "v");
    EXPECT_EQ(report->tiers.at(0).kind, TierOutcome::Kind::done);
    EXPECT_EQ(text(Harness::make(h.options()).get("k")), "v");
}

template <class Change>
void expect_refused(Behind& h, const std::string& field, Change change) {
    auto options = h.behind();
    change(options);
    const auto cache = Harness::C::create(std::move(options));
    ASSERT_FALSE(cache) << field;
    EXPECT_EQ(cache.error(), Errc::invalid_option);
    EXPECT_EQ(cache.error().message().find("CacheOptions::write_behind." + field + " "), 0u) << cache.error().message();
}

TEST(WriteBehind, options_that_contradict_one_another_are_refused_by_name) {
    Behind h;
    expect_refused(h, "acknowledge", [](auto& o) { o.writer = {}; });
    expect_refused(h, "journal", [](auto& o) { o.write_behind.acknowledge = Acknowledge::journal; });
    expect_refused(h, "max_writes", [](auto& o) { o.write_behind.max_writes = 0; });
    expect_refused(h, "max_bytes", [](auto& o) { o.write_behind.max_bytes = 1; });
    expect_refused(h, "max_batch", [](auto& o) { o.write_behind.max_batch = 0; });
    expect_refused(h, "delay", [](auto& o) { o.write_behind.delay = -1ns; });
    expect_refused(h, "delay", [](auto& o) { o.write_behind.delay = 2h; });
    expect_refused(h, "retry_min", [](auto& o) { o.write_behind.retry_min = 0s; });
    expect_refused(h, "retry_max", [](auto& o) { o.write_behind.retry_max = 1ms; });
    expect_refused(h, "retry_max", [](auto& o) { o.write_behind.retry_max = 25h; });
}

TEST(WriteBehind, values_that_cannot_be_copied_are_refused) {
    CacheOptions<int, std::unique_ptr<int>> options;
    options.name = "moved";
    options.writer = [](const int&, const std::unique_ptr<int>&) {};
    options.write_behind.acknowledge = Acknowledge::memory;
    const auto cache = Cache<int, std::unique_ptr<int>>::create(std::move(options));
    ASSERT_FALSE(cache);
    EXPECT_NE(cache.error().message().find("copied"), std::string::npos);
}

} // namespace
} // namespace tiercel::testing::chain
