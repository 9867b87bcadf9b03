// Promises 1, 3, 4, 5, 10: what is served is fresh, and the key's own.
#include "scripted.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

TEST(Promise1, a_late_fill_does_not_resurrect_an_invalidated_key) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.source.gate.shut();
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    ASSERT_EQ(h.source.gate.waiting(), 1u);

    h.source.rows["k"] = "new";
    ASSERT_TRUE(cache.invalidate("k"));
    h.source.gate.open();
    h.idle();

    EXPECT_EQ(load.calls, 1);
    EXPECT_EQ(text(*load.value), "old") << "who asked before the invalidation may have it";
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_EQ(text(cache.get_or_load("k")), "new");
}

TEST(Promise1, a_load_after_an_invalidation_does_not_join_one_from_before) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.source.gate.shut();
    Caught<Harness::Read> before, after;
    cache.async_get_or_load("k", {}, h.into(before));
    h.idle();
    h.source.rows["k"] = "new";
    ASSERT_TRUE(cache.invalidate("k"));
    cache.async_get_or_load("k", {}, h.into(after));
    h.idle();
    EXPECT_EQ(h.source.loads, 2);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*before.value), "old");
    EXPECT_EQ(text(*after.value), "new");
    EXPECT_EQ(text(cache.get("k")), "new") << "in whichever order they ended";
}

TEST(Promise1, a_tier_read_under_way_does_not_fill_memory_after_an_invalidation) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    const auto peer = Harness::make(h.options());
    h.backend->get.after.shut();
    Caught<Harness::Read> read;
    peer.async_get("k", {}, h.into(read));
    h.idle();
    ASSERT_TRUE(peer.invalidate("k"));
    h.backend->get.after.open();
    h.idle();
    EXPECT_EQ(read.calls, 1);
    EXPECT_EQ(text(peer.get("k")), "(nothing)");
}

TEST(Promise1, a_tier_read_that_began_during_an_invalidation_does_not_fill_memory_after_it) {
    Harness h;
    ASSERT_TRUE(Harness::make(h.options()).put("k", "old"));
    h.runtime->advance(1ms); // another process's stamps are as good as the clocks
    const auto cache = Harness::make(h.options());
    h.backend->erase.before.shut();
    Caught<Result<WriteReport>> invalidation;
    cache.async_invalidate("k", {}, h.into(invalidation));
    h.idle();
    h.backend->get.after.shut();
    Caught<Harness::Read> read;
    cache.async_get("k", {}, h.into(read));
    h.idle(); // the server has looked, and what it found is on its way
    h.backend->erase.before.open();
    h.idle();
    ASSERT_EQ(invalidation.calls, 1);
    h.backend->get.after.open();
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, a_fill_that_overtakes_the_erase_is_not_believed_when_it_is_read_before_it_is_erased_again) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.backend->put.before.shut();
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    ASSERT_TRUE(cache.invalidate("k")->complete());
    h.backend->erase.before.shut();
    h.backend->put.before.open(); // the SET arrives after the DEL
    h.idle();
    h.backend->get.after.shut();
    Caught<Harness::Read> read;
    cache.async_get("k", {}, h.into(read));
    h.idle();
    h.backend->erase.before.open();
    h.idle();
    h.backend->get.after.open();
    h.idle();
    ASSERT_EQ(read.calls, 1);
    EXPECT_EQ(text(*read.value), "(nothing)");
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, a_fill_of_a_tier_that_overtakes_the_erase_is_not_believed) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.backend->put.before.shut();
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    ASSERT_EQ(h.backend->put.before.waiting(), 1u);
    ASSERT_TRUE(cache.invalidate("k")->complete());
    h.backend->put.before.open(); // the SET arrives after the DEL
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_TRUE(h.backend->data.empty()) << "it is erased again, for the other processes";
}

TEST(Promise1, a_fill_that_timed_out_and_arrives_after_the_erase_is_not_believed) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.backend->put.before.shut();
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.runtime->advance(1s); // the fill is given up, but under way in some buffer
    ASSERT_TRUE(cache.invalidate("k")->complete());
    h.backend->put.before.open();
    h.idle();
    ASSERT_EQ(h.backend->data.size(), 1u) << "the scenario needs the late value to be there";
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, an_overtaken_fill_that_cannot_be_erased_again_is_not_believed) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.backend->put.before.shut();
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    ASSERT_TRUE(cache.invalidate("k")->complete());
    h.backend->erase.failure = Errc::connection_lost;
    h.backend->put.before.open();
    h.idle();
    h.backend->erase.failure.reset();
    ASSERT_EQ(h.backend->data.size(), 1u);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, a_tier_that_was_skipped_is_not_believed_afterwards) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    CallOptions all_tiers_skipped;
    all_tiers_skipped.skip = Skip::tier(0);
    const auto report = cache.invalidate("k", all_tiers_skipped);
    ASSERT_EQ(report->tiers.size(), 1u);
    EXPECT_EQ(report->tiers[0].kind, TierOutcome::Kind::skipped);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");

    ASSERT_TRUE(cache.put("p", "old"));
    ASSERT_TRUE(cache.put("p", "new", all_tiers_skipped));
    EXPECT_EQ(text(cache.get("p", past_memory())), "(nothing)");
}

TEST(Promise1, a_value_does_not_grow_younger_on_its_way_up) {
    Harness h;
    const auto below = std::make_shared<ScriptedBackend>(*h.runtime);
    auto options = h.options();
    options.tiers.push_back(options.tiers[0]);
    options.tiers[1].name = "below";
    options.tiers[1].backend = std::shared_ptr<spi::Backend>(below);
    const auto cache = Harness::make(options);
    ASSERT_TRUE(cache.put("k", "v"));
    h.backend->data.clear();
    h.runtime->advance(5min);
    EXPECT_EQ(text(cache.get("k", past_memory())), "v") << "from below, into the tier above";
    h.idle();
    ASSERT_EQ(h.backend->data.size(), 1u);
    const auto again = cache.get("k", past_memory());
    EXPECT_EQ(again.source().tier, 0);
    EXPECT_GE(again.age(h.runtime->now()), 5min);
}

TEST(Promise1, what_a_tier_gives_that_may_be_old_is_not_written_to_the_tiers_above) {
    Harness h;
    const auto below = std::make_shared<ScriptedBackend>(*h.runtime);
    below->can.reads_may_be_old = true;
    auto options = h.options();
    options.tiers.push_back(options.tiers[0]);
    options.tiers[1].name = "below";
    options.tiers[1].backend = std::shared_ptr<spi::Backend>(below);
    const auto cache = Harness::make(options);
    const auto peer = Harness::make(options);
    ASSERT_TRUE(cache.put("k", "old"));
    const auto replica = below->data;
    ASSERT_TRUE(cache.invalidate("k"));
    below->data = replica; // which has not heard of it yet
    EXPECT_EQ(text(peer.get("k")), "old") << "as was allowed";
    h.idle();
    below->data.clear();
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, a_tier_whose_erase_failed_is_not_believed_afterwards) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->erase.failure = Errc::connection_lost;
    const auto report = cache.invalidate("k");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->tiers.at(0).kind, TierOutcome::Kind::queued);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_EQ(cache.stats().tiers.at(0).fenced, 1u);

    h.source.rows["k"] = "new";
    EXPECT_EQ(text(cache.get_or_load("k")), "new");
    h.idle();
    EXPECT_EQ(text(cache.get("k", past_memory())), "new") << "what was loaded since is believed";
}

TEST(Promise1, a_tier_that_does_not_answer_the_erase_is_not_believed_afterwards) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->erase.before.shut();
    const auto report = cache.invalidate("k");
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->tiers.at(0).error);
    EXPECT_EQ(*report->tiers.at(0).error, Errc::timeout);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, a_load_under_way_does_not_survive_clear) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.source.gate.shut();
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    ASSERT_TRUE(cache.clear());
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(load.calls, 1);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, clear_holds_even_if_the_tier_did_not_take_it) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->put.failure = Errc::connection_lost;
    const auto report = cache.clear();
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->complete());
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise1, a_put_is_not_overwritten_by_a_load_that_began_before) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "old";
    h.source.gate.shut();
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    ASSERT_TRUE(cache.put("k", "new"));
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "new");
    EXPECT_NE(text(cache.get("k", past_memory())), "old");
}

TEST(Promise1, an_invalidation_outlives_a_put_that_was_under_way) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.backend->put.before.shut();
    Caught<Result<WriteReport>> put;
    cache.async_put("k", "from before", {}, h.into(put));
    h.idle();
    ASSERT_TRUE(cache.invalidate("k")->complete());
    h.backend->put.before.open(); // the SET arrives after the DEL
    h.idle();
    ASSERT_TRUE(*put.value);
    EXPECT_FALSE((*put.value)->in_memory);
    EXPECT_FALSE((*put.value)->complete());
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_TRUE(h.backend->data.empty());
}

TEST(Promise1, holds_for_each_key_of_a_batch) {
    Harness h;
    auto options = h.options();
    Gate gate;
    gate.shut();
    options.loader = [&](std::span<const std::string> keys) -> asio::awaitable<std::vector<std::string>> {
        std::vector<std::string> values(keys.size(), "old");
        co_await gate.pass();
        co_return values;
    };
    const auto cache = Harness::make(std::move(options));
    Caught<std::vector<Harness::Read>> load;
    cache.async_get_or_load_many({"a", "b", "c"}, {}, h.into(load));
    h.idle();
    ASSERT_TRUE(cache.invalidate("b"));
    gate.open();
    h.idle();
    ASSERT_EQ(load.calls, 1);
    EXPECT_EQ(text(cache.get("a")), "old");
    EXPECT_EQ(text(cache.get("b")), "(nothing)");
    EXPECT_EQ(text(cache.get("c")), "old");
}

TEST(Promise3, a_value_of_another_key_is_a_counted_miss) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("a", "a's"));
    ASSERT_EQ(h.backend->data.size(), 1u);
    h.backend->data["test:b"] = h.backend->data.begin()->second;
    EXPECT_EQ(text(cache.get("b")), "(nothing)");
    EXPECT_EQ(defects(cache.stats(), "wrong_key"), 1u);
}

TEST(Promise4, nothing_is_served_at_the_end_of_its_ttl) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 10s;
    const auto cache = Harness::make(std::move(options));
    h.backend->forgives_expiry = true; // the envelope alone must do
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(10s - 1ns);
    EXPECT_EQ(text(cache.get("k")), "v");
    h.runtime->advance(1ns);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_EQ(cache.stats().tiers.at(0).expired, 1u);
}

TEST(Promise4, jitter_only_shortens_and_by_no_more_than_its_share) {
    Harness h;
    auto options = h.memory_only();
    options.expiry.ttl = 10s;
    options.expiry.jitter = 0.5;
    const auto cache = Harness::make(std::move(options));
    const auto alive = [&] {
        int count = 0;
        for (int i = 0; i < 200; ++i)
            count += cache.get(std::to_string(i)) ? 1 : 0;
        return count;
    };
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    h.runtime->advance(5s - 1ns);
    EXPECT_EQ(alive(), 200);
    h.runtime->advance(2500ms);
    EXPECT_GT(alive(), 50);
    EXPECT_LT(alive(), 150);
    h.runtime->advance(2500ms + 1ns);
    EXPECT_EQ(alive(), 0);
}

TEST(Promise4, the_call_and_the_loader_may_set_the_life) {
    Harness h;
    auto options = h.options();
    options.loader = [](const std::string&) { return Loaded<std::string>{"v", 3s, true}; };
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("put", "v", living(2s)));
    ASSERT_TRUE(cache.get_or_load("loaded"));
    h.runtime->advance(2s);
    EXPECT_FALSE(cache.get("put"));
    EXPECT_TRUE(cache.get("loaded"));
    h.runtime->advance(1s);
    EXPECT_FALSE(cache.get("loaded"));
}

TEST(Promise4, memory_and_tier_have_caps_of_their_own) {
    Harness h;
    auto options = h.options();
    options.memory.max_ttl = 1s;
    options.tiers[0].max_ttl = 5s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(1s);
    const auto from_tier = cache.get("k");
    EXPECT_EQ(text(from_tier), "v");
    EXPECT_EQ(from_tier.source().kind, Source::Kind::tier);
    h.runtime->advance(4s);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST(Promise4, a_tier_that_is_filled_after_a_slow_one_gets_the_life_that_is_left_by_then) {
    Harness h;
    const auto slow = std::make_shared<ScriptedBackend>(*h.runtime);
    slow->put.before.shut();
    auto options = h.options();
    options.expiry.ttl = 100ms;
    options.tiers.insert(options.tiers.begin(),
                         TierOptions{.backend = std::shared_ptr<spi::Backend>(slow), .name = "slow", .timeout = 60ms});
    const auto cache = Harness::make(std::move(options));
    h.source.rows["k"] = "v";
    const auto loaded = h.runtime->now();
    ASSERT_EQ(text(cache.get_or_load("k")), "v");
    h.runtime->advance(60ms);
    ASSERT_EQ(h.backend->data.size(), 1u);
    EXPECT_LE(h.backend->data.begin()->second.expires, loaded + 100ms);
    slow->open_all();
    h.idle();
}

TEST(Promise4, an_idle_entry_leaves_and_one_in_use_stays) {
    Harness h;
    auto options = h.memory_only();
    options.expiry.max_idle = 10s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("used", "v"));
    ASSERT_TRUE(cache.put("idle", "v"));
    for (int i = 0; i < 3; ++i) {
        h.runtime->advance(5s);
        EXPECT_TRUE(cache.get("used"));
    }
    EXPECT_FALSE(cache.get("idle"));
}

TEST(Promise4, a_writer_whose_clock_is_ahead_does_not_prolong_a_life) {
    Harness h;
    const auto ahead = std::make_shared<VirtualRuntime>();
    ahead->advance(1h);
    {
        auto options = h.options();
        options.runtime = ahead;
        options.expiry.ttl = 10s;
        const auto writer = Harness::make(std::move(options));
        ASSERT_TRUE(writer.put("k", "v"));
    }
    const auto cache = Harness::make(h.options());
    EXPECT_EQ(text(cache.get("k")), "v");
    h.runtime->advance(10s);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    ahead->advance(1h);
}

TEST(Promise5, an_l1_entry_does_not_outlive_the_tiers_entry_it_came_from) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 10s;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(6s);
    const auto reader = Harness::make(h.options()); // a ttl of 10 minutes
    h.backend->forgives_expiry = true;
    EXPECT_EQ(text(reader.get("k")), "v");
    h.runtime->advance(4s - 1ns);
    EXPECT_EQ(reader.get("k").source().kind, Source::Kind::memory);
    h.runtime->advance(1ns);
    EXPECT_EQ(text(reader.get("k")), "(nothing)");
}

TEST(Promise5, the_backends_word_counts_where_it_is_shorter) {
    Harness h;
    h.backend->can.reads_ttl = true;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "v"));
    h.backend->data.begin()->second.expires = h.runtime->now() + 1s;
    const auto reader = Harness::make(h.options());
    EXPECT_EQ(text(reader.get("k")), "v");
    h.runtime->advance(1s);
    EXPECT_EQ(text(reader.get("k")), "(nothing)");
}

TEST(Promise10, an_error_is_not_cached) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.failure = Error(Errc::loader_failed, "down");
    EXPECT_EQ(text(cache.get_or_load("k")), "loader_failed");
    h.idle();
    EXPECT_TRUE(h.backend->data.empty());
    h.source.failure.reset();
    h.source.rows["k"] = "v";
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    EXPECT_EQ(h.source.loads, 2);
}

TEST(Promise10, no_such_thing_is_cached_briefly_in_every_tier) {
    Harness h;
    auto options = h.options();
    options.expiry.negative_ttl = 5s;
    const auto cache = Harness::make(std::move(options));
    const auto first = cache.get_or_load("k");
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->known_absent());
    h.idle();
    const auto peer = Harness::make(h.options());
    const auto second = peer.get_or_load("k");
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->known_absent());
    EXPECT_EQ(h.source.loads, 1);
    h.source.rows["k"] = "v";
    h.runtime->advance(5s);
    EXPECT_EQ(text(peer.get_or_load("k")), "v");
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
}

TEST(Promise10, no_such_thing_is_not_cached_with_a_negative_ttl_of_zero) {
    Harness h;
    auto options = h.options();
    options.expiry.negative_ttl = 0s;
    const auto cache = Harness::make(std::move(options));
    EXPECT_TRUE(cache.get_or_load("k")->known_absent());
    EXPECT_TRUE(cache.get_or_load("k")->known_absent());
    EXPECT_EQ(h.source.loads, 2);
}

TEST(Promise10, what_the_loader_calls_uncacheable_is_kept_nowhere) {
    Harness h;
    auto options = h.options();
    options.loader = [](const std::string&) { return Loaded<std::string>{"v", {}, false}; };
    const auto cache = Harness::make(std::move(options));
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_TRUE(h.backend->data.empty());
}

} // namespace
} // namespace tiercel::testing::chain
