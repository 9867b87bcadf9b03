// What a tier did not take is taken to it later: queued, repaired in order, believed again.
#include "chain/repairs.hpp"
#include "scripted.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tiercel::testing::chain {
namespace {

using Kind = TierOutcome::Kind;
using tiercel::chain::Repairs;

/// The breaker stays out of it, except where a test wants it.
Harness::C::Options repair_options(Harness& h) {
    auto options = h.options();
    options.tiers[0].breaker.failures = 0;
    return options;
}

/// A cache whose key "k" is in the tier, which then takes no erasure.
struct Unreachable {
    explicit Unreachable(Harness& h, Harness::C::Options options) : cache(Harness::make(std::move(options))) {
        EXPECT_TRUE(cache.put("k", "old"));
        h.backend->erase.failure = Errc::connection_lost;
    }
    Harness::C cache;
};

TEST(Repairs, an_invalidation_that_a_tier_did_not_take_is_queued_and_done_when_it_is_back) {
    Harness h;
    Unreachable tier(h, repair_options(h));
    const auto report = tier.cache.invalidate("k");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->tiers.at(0).kind, Kind::queued);
    EXPECT_EQ(*report->tiers.at(0).error, Errc::connection_lost);
    EXPECT_FALSE(report->complete());
    EXPECT_EQ(tier.cache.stats().pressure.repairs, 1u);
    EXPECT_EQ(text(tier.cache.get("k")), "(nothing)");
    h.runtime->advance(10s);
    EXPECT_EQ(h.backend->data.size(), 1u);

    h.backend->erase.failure.reset();
    h.runtime->advance(1s);
    EXPECT_TRUE(h.backend->data.empty()) << "for the other processes too";
    const auto pressure = tier.cache.stats().pressure;
    EXPECT_EQ(pressure.repairs, 0u);
    EXPECT_EQ(pressure.repaired, 1u);
    EXPECT_EQ(pressure.fences, 0u) << "the tier is believed again";
}

TEST(Repairs, a_put_that_a_tier_did_not_take_leaves_no_older_value_behind) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->put.failure = Errc::read_only;
    const auto report = cache.put("k", "new");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->tiers.at(0).kind, Kind::queued);
    EXPECT_EQ(text(cache.get("k")), "new") << "memory has it";
    h.runtime->advance(1s);
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(cache.stats().pressure.fences, 0u);
}

TEST(Repairs, what_was_put_since_and_taken_stays) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->put.failure = Errc::connection_lost;
    ASSERT_FALSE(cache.put("k", "lost")->complete());
    h.backend->put.failure.reset();
    ASSERT_TRUE(cache.put("k", "new")->complete());
    h.runtime->advance(1s);
    EXPECT_EQ(cache.stats().pressure.repairs, 0u);
    EXPECT_EQ(cache.stats().pressure.repaired, 1u);
    EXPECT_EQ(text(cache.get("k", past_memory())), "new");
}

TEST(Repairs, what_was_put_since_goes_if_something_else_stands_in_its_place) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    ASSERT_TRUE(cache.put("k", "old"));
    const auto old = h.backend->data;
    h.backend->put.failure = Errc::connection_lost;
    ASSERT_FALSE(cache.put("k", "lost")->complete());
    h.backend->put.failure.reset();
    ASSERT_TRUE(cache.put("k", "new")->complete());
    h.backend->data = old; // a server that comes back with what it had
    h.runtime->advance(1s);
    EXPECT_TRUE(h.backend->data.empty());
}

TEST(Repairs, what_was_put_before_an_invalidation_that_is_owed_goes) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    h.backend->put.failure = Errc::connection_lost;
    ASSERT_FALSE(cache.put("k", "lost")->complete());
    h.backend->put.failure.reset();
    ASSERT_TRUE(cache.put("k", "new")->complete());
    h.backend->erase.failure = Errc::connection_lost;
    ASSERT_FALSE(cache.invalidate("k")->complete());
    h.backend->erase.failure.reset();
    h.runtime->advance(1s);
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(cache.stats().pressure.repairs, 0u);
}

TEST(Repairs, what_was_put_since_stays_in_each_of_two_tiers_if_the_nearer_one_was_not_refilled_meanwhile) {
    Harness h;
    const auto second = std::make_shared<ScriptedBackend>(*h.runtime);
    auto options = repair_options(h);
    options.tiers.push_back({.backend = second, .breaker = {.failures = 0}});
    const auto cache = Harness::make(options);
    ASSERT_TRUE(cache.put("k", "old"));
    const auto old = h.backend->data;
    second->put.failure = Errc::read_only;
    ASSERT_FALSE(cache.put("k", "lost")->complete());
    second->put.failure.reset();
    ASSERT_TRUE(cache.put("k", "new")->complete());
    h.runtime->advance(1s);
    EXPECT_EQ(h.backend->data.size(), 1u);
    EXPECT_EQ(second->data.size(), 1u);

    second->put.failure = Errc::read_only;
    ASSERT_FALSE(cache.put("k", "lost")->complete());
    second->put.failure.reset();
    ASSERT_TRUE(cache.put("k", "newer")->complete());
    h.backend->data = old; // what another process found in the farther tier
    h.runtime->advance(1s);
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(second->data.size(), 1u);
    EXPECT_EQ(cache.stats().pressure.fences, 0u);
}

TEST(Repairs, tries_further_apart_while_the_tier_takes_nothing) {
    Harness h;
    Unreachable tier(h, repair_options(h));
    ASSERT_TRUE(tier.cache.invalidate("k"));
    const int before = h.backend->erase.calls;
    h.runtime->advance(60s);
    const int tries = h.backend->erase.calls - before;
    EXPECT_GE(tries, 60);
    EXPECT_LE(tries, 130) << "between a half and a whole second apart, after the first few";
}

TEST(Repairs, waits_for_the_breaker) {
    Harness h;
    auto options = h.options();
    options.tiers[0].breaker.failures = 1;
    Unreachable tier(h, options);
    h.backend->get.failure = Errc::connection_lost; // what probes ask
    ASSERT_TRUE(tier.cache.invalidate("k"));
    h.runtime->advance(1s); // nothing has been answered for as long as the timeout
    ASSERT_TRUE(tier.cache.invalidate("k"));
    ASSERT_EQ(tier.cache.stats().tiers.at(0).breaker.state, BreakerState::open);
    const int before = h.backend->erase.calls;
    h.runtime->advance(10s);
    EXPECT_EQ(h.backend->erase.calls, before);
    h.backend->get.failure.reset();
    h.backend->erase.failure.reset();
    h.runtime->advance(1s);
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(tier.cache.stats().pressure.repairs, 0u);
}

TEST(Repairs, one_key_is_queued_once_however_often_it_was_refused) {
    Harness h;
    Unreachable tier(h, repair_options(h));
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(tier.cache.invalidate("k"));
    EXPECT_EQ(tier.cache.stats().pressure.repairs, 1u);
    h.backend->erase.failure.reset();
    h.runtime->advance(2s);
    const auto pressure = tier.cache.stats().pressure;
    EXPECT_EQ(pressure.repaired, 1u);
    EXPECT_EQ(pressure.repairs, 0u);
    EXPECT_EQ(pressure.fences, 0u);
}

TEST(Repairs, what_is_refused_while_its_repair_is_under_way_is_repaired_again) {
    Harness h;
    Unreachable tier(h, repair_options(h));
    ASSERT_TRUE(tier.cache.invalidate("k"));
    h.backend->erase.failure.reset();
    h.backend->erase.after.shut();
    while (h.backend->erase.after.waiting() == 0)
        h.runtime->advance(10ms);
    h.backend->erase.failure = Errc::connection_lost;
    Caught<Result<WriteReport>> again;
    tier.cache.async_invalidate("k", {}, h.into(again));
    h.idle();
    h.backend->erase.after.open();
    h.idle();
    ASSERT_EQ(again.calls, 1);
    ASSERT_EQ((*again.value)->tiers.at(0).kind, Kind::queued);
    EXPECT_EQ(tier.cache.stats().pressure.repairs, 1u) << "the older repair does not answer for it";
    EXPECT_GE(tier.cache.stats().pressure.fences, 1u);
    h.backend->erase.failure.reset();
    h.runtime->advance(2s);
    EXPECT_EQ(tier.cache.stats().pressure.repairs, 0u);
    EXPECT_EQ(tier.cache.stats().pressure.fences, 0u);
}

TEST(Repairs, two_tiers_are_repaired_each_for_itself_and_the_fence_stands_until_both_are) {
    Harness h;
    const auto below = std::make_shared<ScriptedBackend>(*h.runtime);
    auto options = repair_options(h);
    options.tiers.push_back(options.tiers[0]);
    options.tiers[1].name = "below";
    options.tiers[1].backend = std::shared_ptr<spi::Backend>(below);
    const auto cache = Harness::make(options);
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->erase.failure = below->erase.failure = Errc::connection_lost;
    ASSERT_TRUE(cache.invalidate("k"));
    EXPECT_EQ(cache.stats().pressure.repairs, 2u);
    h.backend->erase.failure.reset();
    h.runtime->advance(2s);
    EXPECT_EQ(cache.stats().pressure.repairs, 1u);
    EXPECT_EQ(cache.stats().pressure.fences, 1u);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    const auto peer = Harness::make(options); // finds the old value below, and fills the tier above with it
    EXPECT_EQ(text(peer.get("k")), "old");
    h.idle();
    EXPECT_FALSE(h.backend->data.empty());
    below->erase.failure.reset();
    h.runtime->advance(4s);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(cache.stats().pressure.repairs, 0u);
    EXPECT_EQ(cache.stats().pressure.fences, 0u);
    EXPECT_TRUE(below->data.empty());
}

TEST(Repairs, more_than_can_be_remembered_gives_up_all_older_values_and_tells_the_other_processes) {
    Harness h;
    auto options = repair_options(h);
    std::vector<std::string> events;
    options.on_event = [&](const Event& event) { events.push_back(to_string(event)); };
    options.memory.max_entries = 100'000;
    const auto cache = Harness::make(options);
    const auto peer = Harness::make(options);
    ASSERT_TRUE(cache.put("kept", "old"));
    h.backend->erase.failure = Errc::connection_lost;
    std::vector<std::string> keys;
    for (std::size_t i = 0; i <= Repairs::most_keys; ++i)
        keys.push_back("key " + std::to_string(i));
    cache.invalidate_many(keys);
    const auto pressure = cache.stats().pressure;
    EXPECT_EQ(pressure.repair_overflows, 1u);
    EXPECT_LE(pressure.repairs, 1u);
    EXPECT_EQ(text(cache.get("kept", past_memory())), "(nothing)");
    EXPECT_EQ(pressure.fences, 0u) << "the tier's epoch says what they said";
    EXPECT_EQ(text(peer.get("kept")), "old") << "which has not heard of it yet";
    h.runtime->advance(2s);
    EXPECT_EQ(text(peer.get("kept", past_memory())), "(nothing)");
    EXPECT_EQ(cache.stats().pressure.repairs, 0u);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_NE(events[0].find("given up"), std::string::npos);
}

TEST(Repairs, an_overflow_gives_up_nothing_in_the_other_tiers) {
    Harness h;
    const auto below = std::make_shared<ScriptedBackend>(*h.runtime);
    auto options = repair_options(h);
    options.tiers.push_back(options.tiers[0]);
    options.tiers[1].name = "below";
    options.tiers[1].backend = std::shared_ptr<spi::Backend>(below);
    const auto cache = Harness::make(options);
    ASSERT_TRUE(cache.put("kept", "v"));
    h.backend->erase.failure = Errc::connection_lost;
    std::vector<std::string> keys;
    for (std::size_t i = 0; i <= Repairs::most_keys; ++i)
        keys.push_back("key " + std::to_string(i));
    cache.invalidate_many(keys);
    ASSERT_EQ(cache.stats().pressure.repair_overflows, 1u);
    const auto found = cache.get("kept", past_memory());
    EXPECT_EQ(text(found), "v");
    EXPECT_EQ(found.source().tier, 1);
}

TEST(Repairs, a_clear_is_not_taken_to_a_tier_after_the_end) {
    Harness h;
    auto options = repair_options(h);
    options.timeouts.close = 0ms;
    const auto cache = Harness::make(options);
    h.backend->put.failure = Errc::connection_lost;
    ASSERT_TRUE(cache.clear());
    h.backend->put.failure.reset();
    h.backend->get.before.shut();
    h.runtime->advance(50ms);
    ASSERT_EQ(h.backend->get.before.waiting(), 1u) << "whether another process has cleared since";
    (void)cache.close();
    const auto sent = h.backend->put.calls;
    h.backend->get.before.open();
    h.idle();
    EXPECT_EQ(h.backend->put.calls, sent);
}

TEST(Repairs, a_clear_that_a_tier_did_not_take_is_owed_to_it) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    const auto peer = Harness::make(repair_options(h));
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->put.failure = Errc::connection_lost;
    const auto report = cache.clear();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->tiers.at(0).kind, Kind::queued);
    EXPECT_EQ(text(peer.get("k", past_memory())), "old");
    h.backend->put.failure.reset();
    h.runtime->advance(3s);
    EXPECT_EQ(text(peer.get("k", past_memory())), "(nothing)");
    EXPECT_EQ(cache.stats().pressure.repairs, 0u);
}

TEST(Repairs, a_marker_that_was_owed_does_not_replace_a_newer_one) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    const auto peer = Harness::make(repair_options(h));
    h.backend->put.failure = Errc::connection_lost;
    ASSERT_TRUE(cache.clear());
    h.runtime->advance(500ms);
    h.backend->put.failure.reset();
    ASSERT_TRUE(peer.put("k", "between"));
    ASSERT_TRUE(peer.clear());
    h.runtime->advance(3s);
    ASSERT_EQ(cache.stats().pressure.repairs, 0u);
    const auto newcomer = Harness::make(repair_options(h));
    EXPECT_EQ(text(newcomer.get("k")), "(nothing)") << "who has heard of nothing but the marker";
}

TEST(Repairs, keys_that_a_tier_refuses_do_not_hold_up_the_others) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    h.backend->erase.failure = Errc::connection_lost;
    std::vector<std::string> keys;
    for (int i = 0; i < 1000; ++i)
        keys.push_back("dead " + std::to_string(i));
    keys.push_back("alive");
    cache.invalidate_many(keys);
    ASSERT_EQ(cache.stats().pressure.repairs, 1001u);
    h.backend->erase.failure.reset();
    h.backend->unreachable = [](BytesView key) { return key.find("dead") != BytesView::npos; };
    h.runtime->advance(10s);
    EXPECT_EQ(cache.stats().pressure.repairs, 1000u);
    EXPECT_EQ(cache.stats().pressure.repaired, 1u);
    h.backend->unreachable = [](BytesView) { return false; };
    h.runtime->advance(5s);
    EXPECT_EQ(cache.stats().pressure.repairs, 0u);
}

TEST(Promise13, what_is_owed_is_bounded_in_bytes_too) {
    Harness h;
    const auto cache = Harness::make(repair_options(h));
    h.backend->erase.failure = Errc::connection_lost;
    for (int i = 0; i < 400; ++i)
        ASSERT_TRUE(cache.invalidate(std::to_string(i) + std::string(60'000, 'k')));
    EXPECT_GE(cache.stats().pressure.repair_overflows, 1u);
    EXPECT_LE(cache.stats().pressure.repairs, Repairs::most_bytes / 60'000 + 1);
}

TEST(Promise15, close_does_not_wait_for_a_repair_that_hangs) {
    Harness h;
    Unreachable tier(h, repair_options(h));
    ASSERT_TRUE(tier.cache.invalidate("k"));
    h.backend->erase.failure.reset();
    h.backend->erase.before.shut();
    while (h.backend->erase.before.waiting() == 0)
        h.runtime->advance(5ms);
    const auto began = h.runtime->now();
    EXPECT_TRUE(tier.cache.close());
    EXPECT_LT(h.runtime->now() - began, 10ms);
}

TEST(Promise15, a_repair_that_close_did_not_wait_for_asks_the_tier_nothing_more) {
    Harness h;
    auto options = repair_options(h);
    options.timeouts.close = 10ms; // less than the tier's timeout
    const auto cache = Harness::make(options);
    h.backend->put.failure = Errc::connection_lost;
    ASSERT_TRUE(cache.clear());
    h.backend->put.failure.reset();
    h.backend->get.before.shut(); // what another process may have cleared is read first
    while (h.backend->get.before.waiting() == 0)
        h.runtime->advance(5ms);
    const int before = h.backend->put.calls;
    EXPECT_FALSE(cache.close());
    h.backend->get.before.open();
    h.runtime->advance(1min);
    EXPECT_EQ(h.backend->put.calls, before);
}

TEST(Promise15, close_leaves_what_waits_for_a_tier_and_counts_it) {
    Harness h;
    Unreachable tier(h, repair_options(h));
    ASSERT_TRUE(tier.cache.invalidate("k"));
    EXPECT_TRUE(tier.cache.close());
    EXPECT_EQ(tier.cache.stats().pressure.repairs, 1u);
    const int before = h.backend->erase.calls;
    h.runtime->advance(1min);
    EXPECT_EQ(h.backend->erase.calls, before);
}

} // namespace
} // namespace tiercel::testing::chain
