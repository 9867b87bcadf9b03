// What callers see of a tier whose breaker opens: promises 1, 6, 8 and 15 while it is left out.
#include "scripted.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

constexpr auto tier_timeout = 20ms;

class TierBreaker : public ::testing::Test {
protected:
    Harness::C::Options options() {
        auto options = h.options();
        options.tiers[0].timeout = tier_timeout;
        options.on_event = [this](const Event& event) { events.push_back(event); };
        return options;
    }
    /// Looks up `count` keys that nobody has asked for.
    void look(const Harness::C& cache, int count) {
        for (int i = 0; i < count; ++i) {
            const auto key = "key " + std::to_string(next_key++);
            h.source.rows[key] = "of " + key;
            EXPECT_EQ(text(cache.get_or_load(key)), "of " + key);
        }
    }
    /// The server hangs, and the breaker has seen it.
    void hang(const Harness::C& cache) {
        h.backend->get.before.shut();
        h.backend->put.before.shut();
        h.backend->erase.before.shut();
        look(cache, 5);
        ASSERT_EQ(breaker(cache).state, BreakerState::open);
    }
    /// It answers again, and the breaker has seen it.
    void resume(const Harness::C& cache) {
        h.backend->open_all();
        h.runtime->advance(500ms);
        ASSERT_EQ(breaker(cache).state, BreakerState::closed);
    }
    static BreakerStats breaker(const Harness::C& cache) { return cache.stats().tiers.at(0).breaker; }
    static Errc code(const WriteReport& report) { return report.tiers.at(0).error.value().code(); }

    std::vector<std::string> told() const {
        std::vector<std::string> names;
        for (const auto& event : events) {
            static constexpr std::array names_of{"opened", "half_open", "closed"};
            names.emplace_back(names_of.at(event.what.index()));
        }
        return names;
    }

    Harness h;
    std::vector<Event> events;
    int next_key = 0;
};

TEST_F(TierBreaker, opens_after_that_many_missed_replies_and_no_lookup_waits_afterwards) {
    const auto cache = Harness::make(options());
    h.backend->get.before.shut();
    const auto began = h.runtime->now();
    look(cache, 4);
    EXPECT_EQ(breaker(cache).state, BreakerState::closed);
    look(cache, 1);
    EXPECT_EQ(breaker(cache).state, BreakerState::open);
    EXPECT_EQ(h.runtime->now() - began, 5 * tier_timeout);

    const auto calls = h.backend->get.calls;
    look(cache, 100);
    EXPECT_FALSE(cache.get("not there"));
    EXPECT_EQ(h.runtime->now() - began, 5 * tier_timeout);
    EXPECT_EQ(h.backend->get.calls, calls);
    EXPECT_EQ(h.backend->put.calls, 0) << "fills leave it out too";
    EXPECT_EQ(breaker(cache).skipped_lookups, 101U);
}

TEST_F(TierBreaker, a_refused_connection_opens_it_as_well) {
    const auto cache = Harness::make(options());
    h.backend->get.failure = Errc::connection_failed;
    look(cache, 5);
    EXPECT_EQ(breaker(cache).state, BreakerState::open);
}

TEST_F(TierBreaker, a_backend_that_throws_opens_it_as_well) {
    const auto cache = Harness::make(options());
    h.backend->throws_all();
    look(cache, 5);
    EXPECT_EQ(breaker(cache).state, BreakerState::open);
}

TEST_F(TierBreaker, what_the_server_refuses_opens_nothing) {
    for (const auto refusal : {Errc::wrong_type, Errc::permission_denied, Errc::value_too_large, Errc::server_error,
                               Errc::overloaded, Errc::cancelled}) {
        const auto cache = Harness::make(options());
        h.backend->get.failure = refusal;
        h.backend->put.failure = refusal;
        look(cache, 20);
        EXPECT_EQ(breaker(cache).opened, 0U) << to_string(refusal);
    }
}

TEST_F(TierBreaker, a_deadline_far_below_the_tiers_timeout_says_nothing_about_the_tier) {
    auto impatient = options();
    impatient.tiers[0].timeout = 10s;
    impatient.timeouts.source = 1s;
    const auto cache = Harness::make(std::move(impatient));
    h.backend->get.before.shut();
    for (int i = 0; i < 20; ++i)
        (void)cache.get_or_load(std::to_string(i));
    EXPECT_EQ(errors(cache.stats(), Errc::timeout), 20U);
    EXPECT_EQ(breaker(cache).opened, 0U);
}

TEST_F(TierBreaker, a_batch_of_which_one_key_is_answered_is_no_failure) {
    const auto cache = Harness::make(options());
    h.backend->unreachable = [](BytesView key) { return key.find("down") != BytesView::npos; };
    for (int i = 0; i < 20; ++i) {
        const auto n = std::to_string(i);
        (void)cache.get_many(std::vector<std::string>{"down " + n, "up " + n});
    }
    EXPECT_GE(errors(cache.stats(), Errc::connection_failed), 20U);
    EXPECT_EQ(breaker(cache).opened, 0U);
}

TEST_F(TierBreaker, one_of_several_servers_that_answers_is_enough_for_the_probe) {
    const auto cache = Harness::make(options());
    h.backend->get.failure = Errc::connection_failed;
    look(cache, 5);
    h.backend->get.failure.reset();
    h.backend->unreachable = [](BytesView key) { return key.back() != '7'; };
    h.runtime->advance(500ms);
    EXPECT_EQ(breaker(cache).state, BreakerState::closed);
}

TEST_F(TierBreaker, one_probe_at_a_time_asks_however_many_look_and_however_long_it_hangs) {
    const auto cache = Harness::make(options());
    hang(cache);
    h.backend->get.before.open(); // those who opened it end
    h.idle();
    h.backend->get.before.shut();
    const auto calls = h.backend->get.calls;
    for (int round = 0; round < 50; ++round) {
        look(cache, 20);
        h.runtime->advance(10ms);
    }
    const auto probes = breaker(cache).probes;
    EXPECT_EQ(static_cast<std::uint64_t>(h.backend->get.calls - calls), probes);
    EXPECT_GE(probes, 2U);
    EXPECT_LE(probes, 500U / 25U) << "of at least half of 50 ms each";
}

TEST_F(TierBreaker, a_tier_that_is_back_is_used_again_though_nobody_looked_meanwhile) {
    const auto cache = Harness::make(options());
    hang(cache);
    h.runtime->advance(10min);
    h.backend->open_all();
    h.runtime->advance(300ms); // back_off_max, and a probe that was on its way
    EXPECT_EQ(breaker(cache).state, BreakerState::closed);
    const auto calls = h.backend->get.calls;
    look(cache, 3);
    EXPECT_EQ(h.backend->get.calls, calls + 3);
}

TEST_F(TierBreaker, a_tier_behind_an_open_one_answers_without_a_wait) {
    auto two = options();
    const auto second = std::make_shared<ScriptedBackend>(*h.runtime);
    two.tiers.resize(2);
    two.tiers[1].backend = std::shared_ptr<spi::Backend>(second);
    two.tiers[1].name = "second";
    const auto cache = Harness::make(std::move(two));
    hang(cache);
    const auto began = h.runtime->now();
    const auto found = cache.get_or_load("key 0", past_memory());
    EXPECT_EQ(text(found), "of key 0");
    EXPECT_EQ(found->source().kind, Source::Kind::tier);
    EXPECT_EQ(found->source().tier, 1);
    EXPECT_EQ(h.runtime->now(), began);
}

TEST_F(TierBreaker, a_strict_caller_hears_that_the_tier_was_left_out) {
    const auto cache = Harness::make(options());
    hang(cache);
    const auto loads = h.source.loads;
    EXPECT_EQ(text(cache.get_or_load("k", strict())), "breaker_open");
    EXPECT_EQ(text(cache.get_or_load_many(std::vector<std::string>{"k", "l"}, strict()).at(1)), "breaker_open");
    EXPECT_EQ(h.source.loads, loads);
    EXPECT_EQ(cache.put("k", "v", strict()).error(), Errc::breaker_open);
    EXPECT_EQ(cache.stats().pressure.flights, 0U);
}

TEST_F(TierBreaker, what_was_invalidated_or_put_while_it_was_open_is_not_served_old_when_it_is_back) {
    const auto cache = Harness::make(options());
    ASSERT_TRUE(cache.put("gone", "old"));
    ASSERT_TRUE(cache.put("changed", "old"));
    hang(cache);
    const auto began = h.runtime->now();
    const auto invalidated = cache.invalidate("gone");
    const auto put = cache.put("changed", "new");
    EXPECT_EQ(h.runtime->now(), began) << "neither waits";
    EXPECT_EQ(invalidated->tiers.at(0).kind, TierOutcome::Kind::queued);
    EXPECT_EQ(code(*invalidated), Errc::breaker_open);
    EXPECT_EQ(code(*put), Errc::breaker_open);
    EXPECT_TRUE(put->in_memory);
    EXPECT_EQ(breaker(cache).skipped_writes, 2U);

    resume(cache);
    h.runtime->advance(1min);
    EXPECT_EQ(text(cache.get("gone")), "(nothing)");
    EXPECT_EQ(text(cache.get("changed", past_memory())), "(nothing)");
    EXPECT_EQ(text(cache.get("changed")), "new");
    EXPECT_EQ(cache.stats().pressure.repaired, 2U) << "the tier has neither any more";
}

TEST_F(TierBreaker, what_was_cleared_while_it_was_open_is_not_served_when_it_is_back) {
    const auto cache = Harness::make(options());
    ASSERT_TRUE(cache.put("k", "old"));
    hang(cache);
    const auto cleared = cache.clear();
    EXPECT_EQ(code(*cleared), Errc::breaker_open);
    resume(cache);
    EXPECT_EQ(text(cache.get("k")), "(nothing)");
}

TEST_F(TierBreaker, what_another_process_cleared_meanwhile_is_not_served_by_the_first_lookup) {
    const auto cache = Harness::make(options());
    const auto peer = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "old"));
    h.backend->get.failure = Errc::connection_failed;
    h.runtime->advance(1s);
    look(cache, 5);
    ASSERT_EQ(breaker(cache).state, BreakerState::open);
    h.backend->get.failure.reset();
    ASSERT_TRUE(peer.clear());
    resume(cache);
    EXPECT_EQ(text(cache.get("k", past_memory())), "(nothing)");
    EXPECT_EQ(cache.stats().tiers.at(0).cleared, 1U);
}

TEST_F(TierBreaker, each_transition_is_told_once_in_order_with_tier_reason_and_time) {
    const auto cache = Harness::make(options());
    hang(cache);
    h.runtime->advance(120ms); // one or two probes in vain
    resume(cache);
    const auto names = told();
    ASSERT_GE(names.size(), 5U);
    EXPECT_EQ(names.front(), "opened");
    EXPECT_EQ(names.back(), "closed");
    for (std::size_t i = 1; i + 1 < names.size(); ++i)
        EXPECT_EQ(names[i], i % 2 == 1 ? "half_open" : "opened") << i;
    const auto& opened = std::get<TierOpened>(events.front().what);
    EXPECT_EQ(opened.tier, "tier");
    EXPECT_EQ(opened.reason, Errc::timeout);
    EXPECT_EQ(opened.probes, 0U);
    EXPECT_GE(opened.retry_in, 25ms);
    EXPECT_LE(opened.retry_in, 50ms);
    EXPECT_EQ(events.front().cache, "test");
    const auto& closed = std::get<TierClosed>(events.back().what);
    EXPECT_EQ(closed.probes, breaker(cache).probes);
    EXPECT_LE(abs(events.back().at - events.front().at - closed.open_for), 1us);
    EXPECT_EQ(breaker(cache).opened, 1U);
    EXPECT_NE(to_string(events.front()).find("cache 'test': tier 'tier' opened (timeout: "), std::string::npos);
}

TEST_F(TierBreaker, a_listener_that_throws_is_counted_and_harms_nobody) {
    auto throwing = options();
    throwing.on_event = [](const Event&) { throw std::runtime_error("no"); };
    const auto cache = Harness::make(std::move(throwing));
    hang(cache);
    resume(cache);
    EXPECT_EQ(cache.stats().listener_failures, 2U + breaker(cache).probes);
    look(cache, 1);
}

TEST_F(TierBreaker, it_opens_again_when_the_tier_goes_again) {
    const auto cache = Harness::make(options());
    for (std::uint64_t round = 1; round <= 3; ++round) {
        hang(cache);
        resume(cache);
        look(cache, 1);
        EXPECT_EQ(breaker(cache).opened, round);
    }
}

TEST_F(TierBreaker, with_no_failures_given_each_lookup_waits_for_its_timeout_as_ever) {
    auto off = options();
    off.tiers[0].breaker.failures = 0;
    const auto cache = Harness::make(std::move(off));
    h.backend->get.before.shut();
    const auto began = h.runtime->now();
    look(cache, 20);
    EXPECT_EQ(h.runtime->now() - began, 20 * tier_timeout);
}

TEST_F(TierBreaker, close_ends_a_probe_that_hangs_and_none_begins_afterwards) {
    auto patient = options();
    patient.tiers[0].timeout = 1h;
    patient.timeouts.source = 2h;
    patient.timeouts.call = 10h;
    auto cache = Harness::make(std::move(patient));
    h.backend->get.failure = Errc::connection_failed;
    look(cache, 5);
    h.backend->get.failure.reset();
    h.backend->get.before.shut();
    h.runtime->advance(1s);
    ASSERT_EQ(breaker(cache).state, BreakerState::half_open);
    const auto began = h.runtime->now();
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(h.runtime->now(), began);
    const auto calls = h.backend->get.calls;
    const auto told_before = events.size();
    h.runtime->advance(10min);
    EXPECT_EQ(h.backend->get.calls, calls);
    EXPECT_EQ(events.size(), told_before);
}

TEST(TierBreakerOptions, what_is_out_of_range_is_refused_by_name) {
    Harness h;
    const auto refusal = [&](BreakerOptions breaker) {
        auto options = h.options();
        options.tiers[0].breaker = breaker;
        const auto cache = Harness::C::create(std::move(options));
        return cache ? std::string() : cache.error().message();
    };
    EXPECT_NE(refusal({.back_off_min = 0ns}).find("CacheOptions::tiers[0].breaker.back_off_min"), std::string::npos);
    EXPECT_NE(refusal({.back_off_min = 1s}).find("CacheOptions::tiers[0].breaker.back_off_max"), std::string::npos);
    EXPECT_NE(refusal({.back_off_max = 25h}).find("CacheOptions::tiers[0].breaker.back_off_max"), std::string::npos);
    EXPECT_EQ(refusal({.back_off_min = 250ms}), "");
}

} // namespace
} // namespace tiercel::testing::chain
