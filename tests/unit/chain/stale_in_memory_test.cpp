// Values past their life, of memory: who gets them, when, and who does not.
#include "past_its_life.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

TEST(Promise4, without_leave_nothing_stale_is_served) {
    Harness h;
    auto options = stale_options(h);
    options.stale = {};
    PastItsLife past(h, options);
    h.source.failure = outage;
    EXPECT_EQ(text(past.cache.get("k")), "(nothing)");
    EXPECT_EQ(text(past.cache.get_or_load("k")), "connection_failed");
}

TEST(Stale, is_served_at_once_while_one_load_in_the_background_refreshes_it) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.gate.shut();
    for (int i = 0; i < 5; ++i) {
        const auto found = past.cache.get_or_load("k");
        ASSERT_EQ(text(found), "old");
        EXPECT_TRUE(found->is_stale());
        EXPECT_EQ(found->stale_reason(), StaleReason::revalidating);
        EXPECT_EQ(found->source().kind, Source::Kind::memory);
        EXPECT_EQ(found->staleness(h.runtime->now()), 30s);
        EXPECT_EQ(found->age(h.runtime->now()), 90s);
    }
    h.idle();
    EXPECT_EQ(h.source.loads, 2);
    h.source.gate.open();
    h.idle();
    const auto found = past.cache.get_or_load("k");
    EXPECT_EQ(text(found), "new");
    EXPECT_FALSE(found->is_stale());
    EXPECT_EQ(found->staleness(h.runtime->now()), 0s);
    const auto stats = past.cache.stats();
    EXPECT_EQ(stats.stale[static_cast<std::size_t>(StaleReason::revalidating)], 5u);
    EXPECT_EQ(stats.source.refreshes, 1u);
}

TEST(Promise4, a_value_is_not_served_beyond_what_is_kept) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.runtime->advance(9min + 30s); // 11 minutes since the load: one of life, ten stale
    EXPECT_EQ(text(past.cache.get("k")), "(nothing)");
    h.source.failure = outage;
    EXPECT_EQ(text(past.cache.get_or_load("k")), "connection_failed");
    EXPECT_EQ(past.cache.stats().memory.entries, 0u);
}

TEST(Promise4, a_value_is_not_served_beyond_what_the_caller_allows) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.failure = outage;
    EXPECT_EQ(text(past.cache.get("k", at_most(29s))), "(nothing)");
    EXPECT_EQ(text(past.cache.get("k", at_most(30s))), "old");
    EXPECT_EQ(text(past.cache.get_or_load("k", at_most(29s))), "connection_failed");
    EXPECT_EQ(text(past.cache.get_or_load("k", fresh())), "connection_failed");
    EXPECT_EQ(text(past.cache.get_or_load("k", at_most(0s))), "connection_failed");
    EXPECT_EQ(text(past.cache.get_or_load("k")), "old");
}

TEST(Stale, who_requires_a_fresh_value_joins_the_load_in_the_background) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.gate.shut();
    ASSERT_EQ(text(past.cache.get_or_load("k")), "old");
    Caught<Harness::Read> read;
    past.cache.async_get_or_load("k", fresh(), h.into(read));
    h.idle();
    EXPECT_EQ(read.calls, 0);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*read.value), "new");
    EXPECT_EQ(h.source.loads, 2);
}

TEST(Stale, a_lookup_that_is_not_to_load_gets_it_and_says_so) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    const auto found = past.cache.get("k");
    EXPECT_EQ(text(found), "old");
    EXPECT_EQ(found.stale_reason(), StaleReason::not_loaded);
    EXPECT_EQ(h.source.loads, 1);
    EXPECT_EQ(text(past.cache.get("k", fresh())), "(nothing)");
}

TEST(Stale, is_what_a_failed_load_falls_back_to) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    h.source.failure = outage;
    const auto found = past.cache.get_or_load("k");
    EXPECT_EQ(text(found), "old");
    EXPECT_EQ(found->stale_reason(), StaleReason::load_failed);
    EXPECT_EQ(h.source.loads, 2);
}

TEST(Stale, a_load_that_succeeds_is_preferred_where_callers_wait) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    const auto found = past.cache.get_or_load("k");
    EXPECT_EQ(text(found), "new");
    EXPECT_FALSE(found->is_stale());
}

TEST(Stale, a_source_that_fails_is_tried_again_no_sooner_than_configured) {
    Harness h;
    auto options = waiting_options(h);
    options.stale.retry_after = 5s;
    PastItsLife past(h, options);
    h.source.failure = outage;
    ASSERT_EQ(past.cache.get_or_load("k")->stale_reason(), StaleReason::load_failed);
    h.runtime->advance(4s);
    const auto found = past.cache.get_or_load("k");
    EXPECT_EQ(text(found), "old");
    EXPECT_EQ(found->stale_reason(), StaleReason::retry_later);
    EXPECT_EQ(h.source.loads, 2);
    EXPECT_EQ(past.cache.stats().pressure.failing_keys, 1u);

    EXPECT_EQ(text(past.cache.get_or_load("k", fresh())), "connection_failed") << "a stale value will not do for it";
    EXPECT_EQ(h.source.loads, 3);

    h.source.failure.reset();
    h.runtime->advance(5s);
    EXPECT_EQ(text(past.cache.get_or_load("k")), "new");
    EXPECT_EQ(past.cache.stats().pressure.failing_keys, 0u);
}

TEST(Stale, a_refresh_that_fails_in_the_background_is_not_tried_by_each_lookup) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.failure = outage;
    ASSERT_EQ(past.cache.get_or_load("k")->stale_reason(), StaleReason::revalidating);
    h.idle();
    EXPECT_EQ(past.cache.get_or_load("k")->stale_reason(), StaleReason::retry_later);
    h.idle();
    EXPECT_EQ(h.source.loads, 2);
    h.runtime->advance(1s);
    EXPECT_EQ(past.cache.get_or_load("k")->stale_reason(), StaleReason::revalidating);
    h.idle();
    EXPECT_EQ(h.source.loads, 3);
}

TEST(Stale, answers_at_the_soft_timeout_and_the_load_goes_on) {
    Harness h;
    auto options = waiting_options(h);
    options.stale.soft_timeout = 100ms;
    PastItsLife past(h, options);
    h.source.gate.shut();
    Caught<Harness::Read> first, second;
    past.cache.async_get_or_load("k", {}, h.into(first));
    h.runtime->advance(99ms);
    EXPECT_EQ(first.calls, 0);
    h.runtime->advance(1ms);
    ASSERT_EQ(first.calls, 1);
    EXPECT_EQ(text(*first.value), "old");
    EXPECT_EQ((*first.value)->stale_reason(), StaleReason::load_slow);

    past.cache.async_get_or_load("k", {}, h.into(second));
    h.idle();
    ASSERT_EQ(second.calls, 1) << "the load is known to be slow";
    EXPECT_EQ((*second.value)->stale_reason(), StaleReason::load_slow);

    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(past.cache.get("k")), "new");
    EXPECT_EQ(h.source.loads, 2);
}

TEST(Stale, the_soft_timeout_does_nothing_for_who_has_nothing_stale) {
    Harness h;
    auto options = waiting_options(h);
    options.stale.soft_timeout = 100ms;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "v";
    h.source.gate.shut();
    Caught<Harness::Read> read;
    cache.async_get_or_load("k", {}, h.into(read));
    h.runtime->advance(1s);
    EXPECT_EQ(read.calls, 0);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*read.value), "v");
}

TEST(Promise8, a_caller_whose_deadline_comes_before_the_load_ends_gets_the_stale_value) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    h.source.gate.shut();
    Caught<Harness::Read> accepting, refusing;
    past.cache.async_get_or_load("k", within(50ms), h.into(accepting));
    auto options = fresh();
    options.timeout = 50ms;
    past.cache.async_get_or_load("k", options, h.into(refusing));
    h.runtime->advance(50ms);
    ASSERT_EQ(accepting.calls, 1);
    EXPECT_EQ(text(*accepting.value), "old");
    EXPECT_EQ((*accepting.value)->stale_reason(), StaleReason::load_slow);
    ASSERT_EQ(refusing.calls, 1);
    EXPECT_EQ(text(*refusing.value), "timeout");
}

TEST(Stale, a_loader_that_never_returns_frees_the_key_at_its_hard_timeout) {
    Harness h;
    auto options = stale_options(h);
    options.timeouts.source = 2s;
    PastItsLife past(h, options);
    h.source.gate.shut();
    ASSERT_EQ(text(past.cache.get_or_load("k")), "old");
    h.runtime->advance(2s);
    EXPECT_EQ(past.cache.stats().source.load_timeouts, 1u);
    h.source.gate.open();
    h.idle();
    h.runtime->advance(1s);
    ASSERT_EQ(text(past.cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(text(past.cache.get_or_load("k")), "new");
}

TEST(Promise1, a_stale_value_does_not_survive_an_invalidation) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    ASSERT_TRUE(past.cache.invalidate("k"));
    h.source.failure = outage;
    EXPECT_EQ(text(past.cache.get("k")), "(nothing)");
    EXPECT_EQ(text(past.cache.get_or_load("k")), "connection_failed");
}

TEST(Promise1, a_background_refresh_does_not_resurrect_an_invalidated_key) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.gate.shut();
    ASSERT_EQ(text(past.cache.get_or_load("k")), "old");
    h.idle();
    ASSERT_TRUE(past.cache.invalidate("k"));
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(past.cache.get("k")), "(nothing)");
}

TEST(Stale, absence_is_never_served_stale) {
    Harness h;
    auto options = waiting_options(h);
    options.expiry.negative_ttl = 1s;
    const auto cache = Harness::make(options);
    ASSERT_TRUE(cache.get_or_load("k")->known_absent());
    h.runtime->advance(2s);
    h.source.failure = outage;
    EXPECT_EQ(text(cache.get_or_load("k")), "connection_failed");
}

TEST(Stale, what_the_source_has_no_more_is_absent_and_not_stale) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    h.source.rows.clear();
    const auto found = past.cache.get_or_load("k");
    EXPECT_EQ(text(found), "(nothing)");
    EXPECT_TRUE(found->known_absent());
}

TEST(Stale, a_batch_gets_each_key_its_own_way) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.rows["loaded"] = "v";
    const auto found = past.cache.get_or_load_many(std::vector<std::string>{"k", "loaded", "absent"});
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(text(found[0]), "old");
    EXPECT_TRUE(found[0]->is_stale());
    EXPECT_EQ(text(found[1]), "v");
    EXPECT_FALSE(found[1]->is_stale());
    EXPECT_TRUE(found[2]->known_absent());
    h.idle();
    EXPECT_EQ(text(past.cache.get("k")), "new");
}

TEST(Stale, priming_loads_what_is_stale) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    const auto report = past.cache.prime({"k"});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->counts.loaded, 1u);
    EXPECT_EQ(text(past.cache.get("k")), "new");
}

TEST(Promise15, a_refresh_in_the_background_ends_with_the_cache) {
    Harness h;
    PastItsLife past(h, stale_options(h));
    h.source.gate.shut();
    ASSERT_EQ(text(past.cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_FALSE(past.cache.close()) << "the loader does not answer";
    EXPECT_EQ(past.cache.stats().left_behind, 1u);
    h.source.gate.open();
    h.idle();
}

TEST(Promise4, what_was_offered_for_the_deadline_is_judged_again_when_that_comes) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    h.source.gate.shut();
    auto options = at_most(31s);
    options.timeout = 4s;
    Caught<Harness::Read> read;
    past.cache.async_get_or_load("k", options, h.into(read));
    h.runtime->advance(4s);
    ASSERT_EQ(read.calls, 1);
    EXPECT_EQ(text(*read.value), "timeout") << "by now it is 34 s past its life";
}

TEST(Stale, who_looks_past_memory_is_not_given_what_memory_kept) {
    Harness h;
    PastItsLife past(h, waiting_options(h));
    h.source.gate.shut();
    Caught<Harness::Read> with, without;
    past.cache.async_get_or_load("k", {}, h.into(with));
    past.cache.async_get_or_load("k", past_memory(), h.into(without));
    h.idle();
    h.source.failure = outage;
    h.runtime->advance(30s); // the source's timeout
    EXPECT_EQ(text(*with.value), "old");
    EXPECT_EQ(text(*without.value), "timeout");
}

TEST(Stale, is_served_though_too_many_wait_for_loads) {
    Harness h;
    auto options = waiting_options(h);
    options.loading.max_waiters = 1;
    PastItsLife past(h, options);
    h.source.gate.shut();
    Caught<Harness::Read> waits, accepts, refuses;
    past.cache.async_get_or_load("other", {}, h.into(waits));
    past.cache.async_get_or_load("k", {}, h.into(accepts));
    past.cache.async_get_or_load("k", fresh(), h.into(refuses));
    h.idle();
    EXPECT_EQ(waits.calls, 0);
    ASSERT_EQ(accepts.calls, 1);
    EXPECT_EQ(text(*accepts.value), "old");
    ASSERT_EQ(refuses.calls, 1);
    EXPECT_EQ(text(*refuses.value), "overloaded");
}

TEST(Stale, who_joins_after_the_soft_timeout_with_a_stale_value_of_its_own_has_it_at_once) {
    Harness h;
    auto options = waiting_options(h);
    options.stale.soft_timeout = 100ms;
    PastItsLife past(h, options);
    h.source.gate.shut();
    Caught<Harness::Read> strictly_fresh, accepting;
    past.cache.async_get_or_load("k", fresh(), h.into(strictly_fresh));
    h.runtime->advance(150ms);
    past.cache.async_get_or_load("k", {}, h.into(accepting));
    h.idle();
    EXPECT_EQ(strictly_fresh.calls, 0);
    ASSERT_EQ(accepting.calls, 1);
    EXPECT_EQ((*accepting.value)->stale_reason(), StaleReason::load_slow);
}

TEST(Stale, to_be_served_is_to_be_used) {
    Harness h;
    auto options = stale_options(h);
    options.expiry.max_idle = 3min;
    PastItsLife past(h, options);
    h.source.failure = outage;
    for (int i = 0; i < 8; ++i) {
        h.runtime->advance(1min);
        EXPECT_EQ(text(past.cache.get_or_load("k")), "old") << i;
        h.idle();
    }
}

} // namespace
} // namespace tiercel::testing::chain
