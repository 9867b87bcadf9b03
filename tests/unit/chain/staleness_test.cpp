// Values past their life, and loads before they get there: StaleOptions, RefreshOptions, LoadContextOf.
#include "chain/failing_keys.hpp"
#include "chain/refresh_rule.hpp"
#include "scripted.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tiercel::testing::chain {
namespace {

/// A minute of life, and ten more stale.
Harness::C::Options stale_options(Harness& h) {
    auto options = h.memory_only();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    return options;
}
Harness::C::Options waiting_options(Harness& h) {
    auto options = stale_options(h);
    options.stale.while_revalidate = false;
    return options;
}
CallOptions fresh() {
    CallOptions options;
    options.require = Require::fresh;
    return options;
}
CallOptions at_most(std::chrono::nanoseconds staleness) {
    CallOptions options;
    options.max_staleness = staleness;
    return options;
}
const Error outage(Errc::connection_failed, "the database is down");

/// A cache whose "k" was "old", is "new" at the source, and is 30 s past its life.
struct PastItsLife {
    explicit PastItsLife(Harness& h, Harness::C::Options options) : cache(Harness::make(std::move(options))) {
        h.source.rows["k"] = "old";
        EXPECT_EQ(text(cache.get_or_load("k")), "old");
        h.idle();
        h.source.rows["k"] = "new";
        h.runtime->advance(90s);
    }
    Harness::C cache;
};

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

TEST(Stale, is_kept_in_the_tier_and_found_there_by_another_process) {
    Harness h;
    h.backend->can.reads_ttl = true;
    auto options = h.options();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    PastItsLife past(h, options);
    const auto peer = Harness::make(options);
    h.source.failure = outage;
    const auto first = peer.get_or_load("k");
    EXPECT_EQ(text(first), "old");
    EXPECT_EQ(first->source().kind, Source::Kind::tier);
    EXPECT_EQ(first->stale_reason(), StaleReason::revalidating);
    EXPECT_EQ(first->staleness(h.runtime->now()), 30s);
    EXPECT_EQ(first->age(h.runtime->now()), 90s);
    h.idle();
    const auto second = peer.get_or_load("k");
    EXPECT_EQ(second->source().kind, Source::Kind::memory) << "the tier need not be asked again";
    EXPECT_EQ(second->stale_reason(), StaleReason::retry_later);

    h.runtime->advance(9min + 31s);
    EXPECT_TRUE(h.backend->data.empty() || h.backend->data.begin()->second.expires <= h.runtime->now());
    EXPECT_EQ(text(peer.get("k")), "(nothing)");
}

TEST(Stale, in_a_tier_is_what_a_failed_load_falls_back_to) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    options.stale.while_revalidate = false;
    PastItsLife past(h, options);
    const auto peer = Harness::make(options);
    h.source.failure = outage;
    const auto found = peer.get_or_load("k");
    EXPECT_EQ(text(found), "old");
    EXPECT_EQ(found->stale_reason(), StaleReason::load_failed);
    EXPECT_EQ(text(peer.get_or_load("k", fresh())), "connection_failed");
}

TEST(Stale, in_a_tier_is_a_miss_for_a_cache_that_serves_nothing_stale) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    PastItsLife past(h, options);
    options.stale = {};
    const auto peer = Harness::make(options);
    EXPECT_EQ(text(peer.get("k")), "(nothing)");
    EXPECT_EQ(peer.stats().tiers.at(0).expired, 1u);
}

TEST(Promise1, a_stale_value_in_a_tier_whose_erase_failed_is_not_served) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    PastItsLife past(h, options);
    h.backend->erase.failure = Errc::connection_lost;
    ASSERT_TRUE(past.cache.invalidate("k"));
    h.source.failure = outage;
    EXPECT_EQ(text(past.cache.get_or_load("k")), "connection_failed");
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

TEST(Refresh, a_use_after_the_share_of_its_life_loads_it_anew_in_the_background) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.8;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "old";
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    h.source.rows["k"] = "new";
    h.runtime->advance(79s);
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(h.source.loads, 1);
    h.runtime->advance(1s);
    h.source.gate.shut();
    const auto found = cache.get_or_load("k");
    EXPECT_EQ(text(found), "old");
    EXPECT_FALSE(found->is_stale());
    h.idle();
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(h.source.loads, 2) << "and one load will do";
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "new");
    EXPECT_EQ(text(cache.get("k", past_memory())), "new") << "the tier has it too";
    EXPECT_EQ(cache.stats().source.refreshes, 1u);
}

TEST(Refresh, takes_what_another_process_has_loaded_meanwhile) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.8;
    const auto cache = Harness::make(options);
    const auto peer = Harness::make(options);
    h.source.rows["k"] = "old";
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    h.runtime->advance(85s);
    ASSERT_TRUE(peer.put("k", "theirs"));
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "theirs");
    EXPECT_EQ(h.source.loads, 1);
}

TEST(Refresh, a_get_does_not_begin_one) {
    Harness h;
    auto options = h.memory_only();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.5;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "v";
    ASSERT_EQ(text(cache.get_or_load("k")), "v");
    h.runtime->advance(60s);
    EXPECT_EQ(text(cache.get("k")), "v");
    h.idle();
    EXPECT_EQ(h.source.loads, 1);
}

TEST(Refresh, one_that_fails_leaves_the_value_in_place) {
    Harness h;
    auto options = h.memory_only();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.5;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "v";
    ASSERT_EQ(text(cache.get_or_load("k")), "v");
    h.runtime->advance(60s);
    h.source.failure = outage;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(text(cache.get_or_load("k")), "v");
        h.idle();
    }
    EXPECT_EQ(h.source.loads, 2) << "not at every use";
}

TEST(Refresh, batches_begin_it_too) {
    Harness h;
    auto options = h.memory_only();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.5;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "old";
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.source.rows["k"] = "new";
    h.runtime->advance(60s);
    EXPECT_EQ(text(cache.get_or_load_many(std::vector<std::string>{"k"}).front()), "old");
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "new");
}

TEST(Revalidation, the_loader_sees_the_previous_value_and_may_confirm_it) {
    Harness h;
    using Page = Validated<std::string>;
    std::vector<std::string> asked;
    Cache<std::string, Page>::Options options;
    options.name = "pages";
    options.expiry.ttl = 1min;
    options.stale.keep = 10min;
    options.stale.while_revalidate = false;
    options.runtime = h.runtime;
    options.loader = [&](const std::string&, const LoadContextOf<Page>& context) -> asio::awaitable<Loaded<Page>> {
        const auto previous = context.previous();
        asked.push_back(previous ? previous->validator : "");
        if (previous && previous->validator == "etag-1") co_return Loaded<Page>::unchanged();
        co_return Loaded<Page>{Page{"text", "etag-1"}};
    };
    const auto cache = Cache<std::string, Page>::create(options).value();
    ASSERT_TRUE(cache.get_or_load("k"));
    h.runtime->advance(90s);
    const auto again = cache.get_or_load("k");
    ASSERT_TRUE(again && *again);
    EXPECT_EQ((*again)->value, "text");
    EXPECT_FALSE(again->is_stale());
    EXPECT_EQ(again->age(h.runtime->now()), 0s);
    EXPECT_EQ(asked, (std::vector<std::string>{"", "etag-1"}));
    EXPECT_EQ(cache.stats().source.unchanged, 1u);
}

TEST(Revalidation, one_that_requires_a_fresh_value_sees_the_previous_one_too) {
    Harness h;
    auto options = stale_options(h);
    options.loader = [](const std::string&, const LoadContextOf<std::string>& context) -> Loaded<std::string> {
        return {context.previous() ? *context.previous() + "+" : "v"};
    };
    const auto cache = Harness::make(options);
    EXPECT_EQ(text(cache.get_or_load("k")), "v");
    h.runtime->advance(90s);
    EXPECT_EQ(text(cache.get_or_load("k", fresh())), "v+");
}

TEST(Revalidation, a_batch_loader_sees_the_previous_value_of_each_key) {
    Harness h;
    auto options = stale_options(h);
    options.loader = [](std::span<const std::string> keys, const LoadContextOf<std::string>& context) {
        std::vector<Loaded<std::string>> answers;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (context.previous(i)) {
                answers.push_back(Loaded<std::string>::unchanged());
            } else {
                answers.push_back({keys[i] + "'s"});
            }
        }
        return answers;
    };
    const auto cache = Harness::make(options);
    ASSERT_EQ(text(cache.get_or_load("a")), "a's");
    h.runtime->advance(90s);
    const auto found = cache.get_or_load_many(std::vector<std::string>{"a", "b"}, fresh());
    EXPECT_EQ(text(found[0]), "a's");
    EXPECT_EQ(text(found[1]), "b's");
    EXPECT_EQ(cache.stats().source.unchanged, 1u);
}

TEST(Revalidation, to_confirm_what_is_not_there_is_the_loaders_failure) {
    Harness h;
    auto options = h.memory_only();
    options.loader = [](const std::string&) { return Loaded<std::string>::unchanged(); };
    const auto cache = Harness::make(options);
    const auto found = cache.get_or_load("k");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error(), Errc::loader_failed);
    EXPECT_NE(found.error().message().find("previous"), std::string::npos);
}

TEST(StaleOptions, that_contradict_themselves_are_refused_by_name) {
    Harness h;
    const auto refused = [&](auto change) {
        auto options = h.memory_only();
        change(options);
        const auto cache = Harness::C::create(options);
        return cache ? std::string("accepted") : cache.error().message();
    };
    using O = Harness::C::Options;
    EXPECT_NE(refused([](O& o) { o.stale.keep = -1s; }).find("stale.keep"), std::string::npos);
    EXPECT_NE(refused([](O& o) { o.stale.soft_timeout = 1s; }).find("stale.soft_timeout"), std::string::npos);
    EXPECT_NE(refused([](O& o) { o.stale.keep = 1s, o.stale.soft_timeout = 0s; }).find("stale.soft_timeout"),
              std::string::npos);
    EXPECT_NE(refused([](O& o) { o.stale.retry_after = -1s; }).find("stale.retry_after"), std::string::npos);
    EXPECT_NE(refused([](O& o) { o.refresh.ahead = 1.0; }).find("refresh.ahead"), std::string::npos);
    EXPECT_NE(refused([](O& o) { o.refresh.early = -0.1; }).find("refresh.early"), std::string::npos);
    const auto cache = Harness::make(h.memory_only());
    EXPECT_EQ(text(cache.get_or_load("k", at_most(-1s))), "invalid_option");
}

TEST(RefreshRule, early_refreshes_come_at_the_rate_that_xfetch_has) {
    const tiercel::chain::RefreshRule rule({.early = 1.0});
    constexpr detail::Nanos load_time = 1'000'000;
    VirtualRuntime random;
    const auto share_at = [&](detail::Nanos left) {
        int due = 0;
        for (int i = 0; i < 100'000; ++i)
            due += rule.is_due(0, 1'000'000'000, 1'000'000'000 - left, load_time, random.random()) ? 1 : 0;
        return due / 100'000.0;
    };
    EXPECT_NEAR(share_at(load_time), std::exp(-1.0), 0.01) << "P(-ln u >= left / load time)";
    EXPECT_NEAR(share_at(3 * load_time), std::exp(-3.0), 0.01);
    EXPECT_EQ(share_at(100 * load_time), 0.0);
    EXPECT_FALSE(rule.is_due(0, detail::never, 5, load_time, 0)) << "what does not expire needs none";
}

TEST(FailingKeys, are_bounded_and_the_oldest_is_forgotten_first) {
    tiercel::chain::FailingKeys failing(2);
    const SteadyTime start{};
    for (std::uint64_t key = 1; key <= 3; ++key)
        failing.failed(key, start + 1min);
    EXPECT_FALSE(failing.must_wait(1, start));
    EXPECT_TRUE(failing.must_wait(2, start));
    EXPECT_TRUE(failing.must_wait(3, start));
    EXPECT_EQ(failing.size(), 2u);
    EXPECT_FALSE(failing.must_wait(2, start + 1min));
    EXPECT_EQ(failing.size(), 0u);
}

TEST(FailingKeys, one_that_fails_again_waits_anew_and_one_that_succeeds_not_at_all) {
    tiercel::chain::FailingKeys failing(10);
    const SteadyTime start{};
    for (int i = 0; i < 1000; ++i)
        failing.failed(1, start + 1s * (i + 1));
    EXPECT_TRUE(failing.must_wait(1, start + 999s));
    EXPECT_EQ(failing.size(), 1u);
    failing.succeeded(1);
    EXPECT_FALSE(failing.must_wait(1, start));
    EXPECT_EQ(failing.size(), 0u);
}

} // namespace
} // namespace tiercel::testing::chain
