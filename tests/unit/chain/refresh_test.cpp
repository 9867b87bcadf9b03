// Loads before a value is past its life, and loaders that see the value they replace.
#include "chain/failing_keys.hpp"
#include "chain/refresh_rule.hpp"
#include "past_its_life.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tiercel::testing::chain {
namespace {

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

TEST(Refresh, has_the_ttl_and_the_tiers_of_the_call_that_began_it) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl.reset();
    options.refresh.ahead = 0.5;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "old";
    auto call = living(10s);
    call.skip = Skip::tier(0);
    ASSERT_EQ(text(cache.get_or_load("k", call)), "old");
    h.runtime->advance(6s);
    h.source.rows["k"] = "new";
    ASSERT_EQ(text(cache.get_or_load("k", call)), "old");
    h.idle();
    EXPECT_EQ(text(cache.get("k")), "new");
    EXPECT_TRUE(h.backend->data.empty());
    EXPECT_EQ(h.backend->get.calls, 0);
    h.runtime->advance(11s);
    EXPECT_EQ(text(cache.get("k", call)), "(nothing)") << "the refreshed value has a life too";
}

TEST(Refresh, goes_by_the_life_of_the_value_and_not_by_the_cap_of_memory) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 10min;
    options.memory.max_ttl = 1s;
    options.refresh.ahead = 0.8;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "v";
    for (int i = 0; i < 300; ++i) {
        ASSERT_EQ(text(cache.get_or_load("k")), "v");
        h.idle();
        h.runtime->advance(200ms);
    }
    EXPECT_EQ(h.source.loads, 1) << "a minute of ten";
    h.runtime->advance(7min);
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(text(cache.get_or_load("k")), "v");
        h.idle();
        h.runtime->advance(900ms);
    }
    EXPECT_EQ(h.source.loads, 2) << "past eight of ten";
}

TEST(Refresh, who_joins_one_gets_the_tiers_value_which_is_still_fresh) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.5;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "v";
    ASSERT_EQ(text(cache.get_or_load("k")), "v");
    h.idle();
    h.runtime->advance(60s);
    h.source.gate.shut();
    ASSERT_EQ(text(cache.get_or_load("k")), "v");
    Caught<Harness::Read> during, after;
    cache.async_get_or_load("k", past_memory(), h.into(during));
    h.idle();
    cache.async_get_or_load("k", past_memory(), h.into(after));
    h.idle();
    for (const auto* read : {&during, &after}) {
        ASSERT_EQ(read->calls, 1) << "the load goes on";
        EXPECT_EQ(text(*read->value), "v");
        EXPECT_FALSE((*read->value)->is_stale());
    }
}

TEST(Refresh, a_batch_loads_together_what_is_due_together) {
    Harness h;
    auto options = h.memory_only();
    options.expiry.ttl = 100s;
    options.refresh.ahead = 0.5;
    std::vector<std::size_t> batches;
    options.loader = [&](std::span<const std::string> keys) {
        batches.push_back(keys.size());
        return std::vector<std::string>(keys.begin(), keys.end());
    };
    const auto cache = Harness::make(options);
    const std::vector<std::string> keys{"a", "b", "c"};
    cache.get_or_load_many(keys);
    h.runtime->advance(60s);
    cache.get_or_load_many(keys);
    h.idle();
    EXPECT_EQ(batches, (std::vector<std::size_t>{3, 3}));
    h.runtime->advance(60s);
    Caught<std::vector<Harness::Read>> read;
    cache.async_get_or_load_many(keys, {}, h.into(read));
    h.idle();
    EXPECT_EQ(batches, (std::vector<std::size_t>{3, 3, 3})) << "the asynchronous form too";
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
    EXPECT_NE(refused([](O& o) { o.stale.keep = 1min, o.stale.soft_timeout = 1s; }).find("while_revalidate"),
              std::string::npos);
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
