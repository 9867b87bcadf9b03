// Leases and values past their life, or too large to be carried by a lease: LeaseOptions with StaleOptions.
#include "leases.hpp"

#include "wire/lease.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

const Error outage(Errc::connection_failed, "the database is down");

CallOptions fresh() {
    CallOptions options;
    options.require = Require::fresh;
    return options;
}

/// Two processes and a value that is past its life in the tier.
struct PastItsLife {
    PastItsLife(Harness& harness, const Harness::C::Options& options) : h(harness), a(options), b(options) {
        a.source.rows["k"] = b.source.rows["k"] = "old";
        EXPECT_EQ(text(a.cache.get_or_load("k")), "old");
        h.idle();
        EXPECT_EQ(text(b.cache.get("k")), "old");
        h.runtime->advance(61s);
        a.source.rows["k"] = b.source.rows["k"] = "new";
        a.source.gate.shut();
    }
    Harness& h;
    Process a, b;
};

TEST(LeasesStale, the_others_serve_it_while_one_process_loads) {
    Harness h;
    PastItsLife past(h, leasing_stale(h));
    ASSERT_EQ(text(past.a.cache.get_or_load("k")), "old");
    h.idle();
    for (int i = 0; i < 3; ++i) {
        const auto found = past.b.cache.get_or_load("k");
        EXPECT_EQ(text(found), "old");
        EXPECT_EQ(found->stale_reason(), StaleReason::revalidating);
        h.idle();
    }
    Process c(leasing_stale(h));
    const auto found = c.cache.get_or_load("k");
    EXPECT_EQ(text(found), "old") << "the lease carries it for who has it not in memory";
    EXPECT_EQ(found->source().kind, Source::Kind::tier);
    past.a.source.gate.open();
    h.runtime->advance(100ms);
    EXPECT_EQ(text(past.b.cache.get("k")), "new") << "found by its refresh in the background";
    EXPECT_EQ(text(c.cache.get("k")), "new");
    EXPECT_EQ(past.a.source.loads, 2);
    EXPECT_EQ(past.b.source.loads + c.source.loads, 0);
}

TEST(LeasesStale, a_background_refresh_that_has_waited_in_vain_ends_without_a_load) {
    Harness h;
    auto options = leasing_stale(h);
    options.tiers[0].leases.ttl = 10s;
    PastItsLife past(h, options);
    ASSERT_EQ(text(past.a.cache.get_or_load("k")), "old");
    h.idle();
    ASSERT_EQ(text(past.b.cache.get_or_load("k")), "old");
    h.runtime->advance(600ms);
    EXPECT_EQ(past.b.source.loads, 0);
    EXPECT_EQ(past.b.leases().waits_over, 1u);
    EXPECT_EQ(past.b.cache.stats().pressure.flights, 0u);
    past.a.source.gate.open();
}

TEST(LeasesStale, who_waits_for_loads_waits_for_the_other_processs_too) {
    Harness h;
    auto options = leasing_stale(h);
    options.stale.while_revalidate = false;
    PastItsLife past(h, options);
    past.a.look_up(h, "k");
    h.idle();
    past.b.look_up(h, "k");
    h.runtime->advance(100ms);
    EXPECT_EQ(past.b.read.calls, 0);
    past.a.source.gate.open();
    h.runtime->advance(100ms);
    EXPECT_EQ(text(*past.b.read.value), "new");
    EXPECT_FALSE((*past.b.read.value)->is_stale());
    EXPECT_EQ(past.b.source.loads, 0);
}

TEST(LeasesStale, after_the_wait_who_accepts_it_gets_it_and_the_others_load) {
    Harness h;
    auto options = leasing_stale(h);
    options.stale.while_revalidate = false;
    options.tiers[0].leases.ttl = 10s;
    PastItsLife past(h, options);
    past.a.look_up(h, "k");
    h.idle();
    past.b.look_up(h, "k");
    h.runtime->advance(600ms);
    ASSERT_EQ(past.b.read.calls, 1);
    EXPECT_EQ(text(*past.b.read.value), "old");
    EXPECT_EQ((*past.b.read.value)->stale_reason(), StaleReason::load_slow);
    EXPECT_EQ(past.b.source.loads, 0);
    EXPECT_EQ(text(past.b.cache.get_or_load("k", fresh())), "new");
    EXPECT_EQ(past.b.source.loads, 1);
    past.a.source.gate.open();
}

TEST(LeasesStale, the_soft_timeout_counts_while_one_waits) {
    Harness h;
    auto options = leasing_stale(h);
    options.stale.while_revalidate = false;
    options.stale.soft_timeout = 50ms;
    PastItsLife past(h, options);
    past.a.look_up(h, "k");
    h.idle();
    past.b.look_up(h, "k");
    h.runtime->advance(50ms);
    ASSERT_EQ(past.b.read.calls, 1);
    EXPECT_EQ((*past.b.read.value)->stale_reason(), StaleReason::load_slow);
    past.a.source.gate.open();
}

TEST(LeasesStale, a_load_that_fails_puts_the_stale_value_back) {
    Harness h;
    PastItsLife past(h, leasing_stale(h));
    const auto expires = h.backend->data.at("test:k").expires;
    past.a.source.gate.open();
    past.a.source.failure = outage;
    ASSERT_EQ(text(past.a.cache.get_or_load("k")), "old");
    h.idle();
    EXPECT_EQ(past.a.leases().released, 1u);
    EXPECT_FALSE(wire::looks_like_lease(h.backend->data.at("test:k").value));
    EXPECT_LE(h.backend->data.at("test:k").expires, expires) << "no longer than before";
    EXPECT_GE(h.backend->data.at("test:k").expires, expires - 10ms);
    Process c(leasing_stale(h));
    EXPECT_EQ(text(c.cache.get_or_load("k")), "old");
}

TEST(LeasesStale, a_load_that_fails_does_not_bring_back_what_was_invalidated) {
    Harness h;
    PastItsLife past(h, leasing_stale(h));
    ASSERT_EQ(text(past.a.cache.get_or_load("k")), "old");
    h.idle();
    h.backend->erase.failure = Errc::connection_lost;
    ASSERT_TRUE(past.a.cache.invalidate("k"));
    h.backend->erase.failure.reset();
    past.a.source.failure = outage;
    past.a.source.gate.open();
    h.idle();
    Process c(leasing_stale(h));
    EXPECT_EQ(text(c.cache.get("k")), "(nothing)");
}

TEST(LeasesStale, what_is_erased_before_the_lease_is_taken_does_not_come_back_with_it) {
    Harness h;
    PastItsLife past(h, leasing_stale(h));
    h.backend->conditional.before.shut();
    ASSERT_EQ(text(past.a.cache.get_or_load("k")), "old");
    h.idle();
    ASSERT_EQ(h.backend->conditional.before.waiting(), 1u) << "the lease that is to carry it";
    ASSERT_TRUE(past.b.cache.invalidate("k"));
    h.backend->conditional.before.open();
    h.idle();
    EXPECT_EQ(text(past.b.cache.get("k")), "(nothing)");
    Process c(leasing_stale(h));
    EXPECT_EQ(text(c.cache.get("k")), "(nothing)");
}

TEST(LeasesStale, a_value_too_large_to_be_carried_stays_where_it_is) {
    Harness h;
    auto options = leasing_stale(h);
    Process a(options), b(options), c(options);
    const std::string large(300 * 1024, 'x');
    a.source.rows["k"] = large;
    ASSERT_TRUE(a.cache.get_or_load("k"));
    h.idle();
    h.runtime->advance(61s);
    a.source.rows["k"] = "new";
    a.source.gate.shut();
    ASSERT_TRUE(a.cache.get_or_load("k")->is_stale());
    h.idle();
    EXPECT_EQ(b.cache.get("k")->size(), large.size());
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(c.in_tier("k"), "new") << "stored in place of the state that it found";
}

TEST(LeasesStale, an_erase_voids_the_fill_of_a_value_too_large_to_be_carried) {
    Harness h;
    auto options = leasing_stale(h);
    Process a(options), b(options);
    a.source.rows["k"] = std::string(300 * 1024, 'x');
    ASSERT_TRUE(a.cache.get_or_load("k"));
    h.idle();
    h.runtime->advance(61s);
    a.source.rows["k"] = "new";
    a.source.gate.shut();
    ASSERT_TRUE(a.cache.get_or_load("k")->is_stale());
    h.idle();
    ASSERT_TRUE(b.cache.invalidate("k"));
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(b.in_tier("k"), "(nothing)");
    EXPECT_EQ(a.leases().lost, 1u);
}

} // namespace
} // namespace tiercel::testing::chain
