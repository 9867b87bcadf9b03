// One load among processes that share a tier: LeaseOptions.
#include "leases.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

const Error outage(Errc::connection_failed, "the database is down");

TEST(Leases, of_two_processes_one_loads_and_the_other_finds_what_it_stored) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = b.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    h.runtime->advance(100ms);
    EXPECT_EQ(b.read.calls, 0);
    a.source.gate.open();
    h.runtime->advance(100ms);
    ASSERT_EQ(b.read.calls, 1);
    EXPECT_EQ(text(*b.read.value), "v");
    EXPECT_EQ((*b.read.value)->source().kind, Source::Kind::tier);
    EXPECT_EQ(a.source.loads, 1);
    EXPECT_EQ(b.source.loads, 0);
    EXPECT_EQ(a.leases().taken, 1u);
    EXPECT_EQ(b.leases().waits, 1u);
    EXPECT_EQ(b.leases().waits_over, 0u);
    EXPECT_EQ(b.cache.stats().tiers.at(0).misses, 1u) << "looking again is no other miss";
}

TEST(Leases, two_that_find_nothing_at_once_load_once) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = b.source.rows["k"] = "v";
    h.backend->conditional.before.shut();
    a.look_up(h, "k");
    b.look_up(h, "k");
    h.idle();
    h.backend->conditional.before.open();
    h.runtime->advance(100ms);
    EXPECT_EQ(text(*a.read.value), "v");
    EXPECT_EQ(text(*b.read.value), "v");
    EXPECT_EQ(a.source.loads + b.source.loads, 1);
}

TEST(Leases, an_erase_by_another_process_voids_the_fill) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "old";
    b.source.rows["k"] = "new";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    ASSERT_TRUE(b.cache.invalidate("k"));
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*a.read.value), "old") << "it had begun before";
    EXPECT_EQ(b.in_tier("k"), "(nothing)");
    EXPECT_EQ(a.leases().lost, 1u);
    EXPECT_EQ(text(b.cache.get_or_load("k")), "new");
}

TEST(Leases, an_erase_between_the_look_at_the_lease_and_the_fill_voids_it) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "old";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    h.backend->conditional.before.shut();
    a.source.gate.open();
    h.idle();
    ASSERT_EQ(h.backend->conditional.before.waiting(), 1u);
    ASSERT_TRUE(b.cache.invalidate("k"));
    h.backend->conditional.before.open();
    h.idle();
    EXPECT_EQ(b.in_tier("k"), "(nothing)");
    EXPECT_EQ(a.leases().lost, 1u);
}

TEST(Leases, what_another_process_puts_meanwhile_stays) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "old";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    ASSERT_TRUE(b.cache.put("k", "new"));
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(b.in_tier("k"), "new");
    EXPECT_EQ(a.leases().lost, 1u);
}

TEST(Leases, an_erase_by_the_same_process_voids_the_fill_and_the_next_load_has_its_own) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "old";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    ASSERT_TRUE(a.cache.invalidate("k"));
    a.source.rows["k"] = "new";
    Caught<Harness::Read> second;
    a.cache.async_get_or_load("k", {}, h.into(second));
    h.idle();
    EXPECT_EQ(a.source.loads, 2);
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*second.value), "new");
    EXPECT_EQ(b.in_tier("k"), "new");
}

TEST(Leases, one_whose_holder_never_answers_is_taken_over_when_it_ends) {
    Harness h;
    Process a(leasing(h)), b(leasing(h)), c(leasing(h));
    a.source.rows["k"] = "of a";
    b.source.rows["k"] = c.source.rows["k"] = "of another";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    c.look_up(h, "k");
    h.runtime->advance(199ms);
    EXPECT_EQ(b.source.loads + c.source.loads, 0);
    h.runtime->advance(300ms);
    EXPECT_EQ(b.source.loads + c.source.loads, 1);
    EXPECT_EQ(text(*b.read.value), "of another");
    EXPECT_EQ(text(*c.read.value), "of another");
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*a.read.value), "of a") << "late, but an answer";
    EXPECT_EQ(b.in_tier("k"), "of another");
    EXPECT_EQ(a.leases().lost, 1u);
}

TEST(Leases, one_that_has_ended_but_stands_is_taken_over) {
    Harness h;
    h.backend->forgives_expiry = true; // as a server that rounds seconds up
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = b.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.runtime->advance(201ms);
    EXPECT_EQ(text(b.cache.get_or_load("k")), "v");
    EXPECT_EQ(b.leases().waits, 0u);
    EXPECT_EQ(b.leases().taken_over, 1u);
}

TEST(Leases, a_holder_whose_load_fails_lets_the_next_one_try) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    b.source.rows["k"] = "v";
    a.source.failure = outage;
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    h.idle();
    a.source.gate.open();
    h.runtime->advance(100ms);
    EXPECT_EQ(text(*a.read.value), "connection_failed");
    ASSERT_EQ(b.read.calls, 1) << "before the lease would have ended";
    EXPECT_EQ(text(*b.read.value), "v");
    EXPECT_EQ(a.leases().released, 1u);
    EXPECT_EQ(b.leases().taken_over, 0u);
    EXPECT_EQ(a.in_tier("k"), "v");
}

TEST(Leases, a_former_holder_whose_load_fails_late_leaves_its_successors_lease_alone) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.failure = outage;
    b.source.rows["k"] = "v";
    a.source.gate.shut();
    b.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    while (b.source.loads == 0)
        h.runtime->advance(10ms); // it has taken over
    a.source.gate.open();
    h.idle();
    ASSERT_EQ(text(*a.read.value), "connection_failed");
    EXPECT_EQ(a.leases().released, 0u);
    b.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*b.read.value), "v");
    EXPECT_EQ(a.in_tier("k"), "v") << "its fill is by its own lease";
    EXPECT_EQ(b.leases().lost, 0u);
}

TEST(Leases, a_value_that_the_tier_cannot_take_releases_it) {
    Harness h;
    h.backend->can.max_value_bytes = 200;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = b.source.rows["k"] = std::string(500, 'x');
    EXPECT_EQ((*a.cache.get_or_load("k"))->size(), 500u);
    h.idle();
    EXPECT_EQ(a.leases().released, 1u);
    EXPECT_EQ(a.cache.stats().tiers.at(0).too_large, 1u);
    EXPECT_EQ((*b.cache.get_or_load("k"))->size(), 500u);
    EXPECT_EQ(b.leases().waits, 0u);
}

TEST(Leases, who_has_waited_long_enough_loads_and_leaves_the_tier_alone) {
    Harness h;
    auto options = leasing(h);
    options.tiers[0].leases = {.ttl = 10s, .wait = 100ms};
    Process a(options), b(options);
    a.source.rows["k"] = "of a";
    b.source.rows["k"] = "of b";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    h.runtime->advance(99ms);
    EXPECT_EQ(b.read.calls, 0);
    h.runtime->advance(1ms);
    ASSERT_EQ(b.read.calls, 1);
    EXPECT_EQ(text(*b.read.value), "of b");
    EXPECT_EQ(b.leases().waits_over, 1u);
    EXPECT_EQ(b.in_tier("k"), "(nothing)");
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(b.in_tier("k"), "of a");
}

TEST(Leases, who_does_not_wait_at_all_loads_at_once) {
    Harness h;
    auto options = leasing(h);
    options.tiers[0].leases.wait = 0ms;
    Process a(options), b(options);
    b.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    EXPECT_EQ(text(b.cache.get_or_load("k")), "v");
    a.source.gate.open();
}

TEST(Leases, waiting_costs_few_round_trips) {
    Harness h;
    auto options = leasing(h);
    options.tiers[0].leases.ttl = 10s;
    Process a(options), b(options);
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    const auto before = h.backend->get.calls;
    b.look_up(h, "k", within(450ms));
    h.runtime->advance(490ms);
    EXPECT_EQ(text(*b.read.value), "timeout");
    EXPECT_LE(h.backend->get.calls - before, 12);
    EXPECT_GE(h.backend->get.calls - before, 6);
    a.source.gate.open();
}

TEST(Leases, a_lookup_that_is_not_to_load_neither_takes_one_nor_waits) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    EXPECT_EQ(text(b.cache.get("k")), "(nothing)");
    EXPECT_EQ(h.backend->conditional.calls, 0);
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    const auto now = h.runtime->now();
    EXPECT_EQ(text(b.cache.get("k")), "(nothing)");
    EXPECT_EQ(h.runtime->now(), now);
    a.source.gate.open();
}

TEST(Leases, a_batch_loads_what_is_its_own_and_waits_for_the_rest) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    for (const auto* key : {"theirs", "ours", "stored"})
        a.source.rows[key] = b.source.rows[key] = key;
    ASSERT_TRUE(a.cache.put("stored", "stored"));
    a.source.gate.shut();
    a.look_up(h, "theirs");
    h.idle();
    Caught<std::vector<Harness::Read>> batch;
    b.cache.async_get_or_load_many(std::vector<std::string>{"theirs", "ours", "stored", "absent"}, {}, h.into(batch));
    h.idle();
    EXPECT_EQ(b.source.loads, 2) << "ours and absent, without waiting";
    EXPECT_EQ(text(b.cache.get("ours")), "ours");
    EXPECT_EQ(batch.calls, 0);
    a.source.gate.open();
    h.runtime->advance(100ms);
    ASSERT_EQ(batch.calls, 1);
    ASSERT_EQ(batch.value->size(), 4u);
    EXPECT_EQ(text(batch.value->at(0)), "theirs");
    EXPECT_EQ(text(batch.value->at(1)), "ours");
    EXPECT_EQ(text(batch.value->at(2)), "stored");
    EXPECT_TRUE(batch.value->at(3)->known_absent());
    EXPECT_EQ(b.source.loads, 2);
}

TEST(Leases, a_large_batch_takes_all_its_leases_and_fills_by_them) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    std::vector<std::string> keys;
    for (int i = 0; i < 500; ++i) {
        keys.push_back("k" + std::to_string(i));
        a.source.rows[keys.back()] = keys.back();
    }
    for (const auto& found : a.cache.get_or_load_many(keys))
        EXPECT_TRUE(found && *found);
    h.idle();
    EXPECT_EQ(a.leases().taken, 500u);
    EXPECT_EQ(a.cache.stats().tiers.at(0).puts, 500u);
    for (const auto& found : b.cache.get_or_load_many(keys))
        EXPECT_EQ(found->source().kind, Source::Kind::tier);
}

TEST(Promise6, a_tier_that_cannot_give_leases_does_not_keep_the_value_from_its_caller) {
    for (const auto failure : {Errc::out_of_memory, Errc::connection_lost, Errc::permission_denied}) {
        Harness h;
        Process a(leasing(h));
        a.source.rows["k"] = "v";
        h.backend->conditional.failure = failure;
        EXPECT_EQ(text(a.cache.get_or_load("k", strict())), "v") << "the tier did answer that it has nothing";
        h.idle();
        h.backend->conditional.failure.reset();
        EXPECT_EQ(a.leases().taken, 0u);
        EXPECT_TRUE(h.backend->data.empty());
    }
}

TEST(Leases, one_that_was_taken_without_an_answer_is_given_back) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "v";
    a.source.gate.shut();
    h.backend->conditional.after.shut();
    a.look_up(h, "k");
    h.runtime->advance(50ms);
    EXPECT_EQ(a.source.loads, 1) << "after the tier's timeout";
    h.backend->conditional.after.open();
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*a.read.value), "v");
    EXPECT_EQ(b.in_tier("k"), "(nothing)") << "nobody knows when it was taken";
    EXPECT_EQ(a.leases().released, 1u);
    b.source.rows["k"] = "of b";
    EXPECT_EQ(text(b.cache.get_or_load("k")), "of b");
    EXPECT_EQ(b.leases().waits, 0u);
}

TEST(Leases, one_that_is_taken_after_an_erase_lets_no_older_load_in) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.rows["k"] = "old";
    a.source.gate.shut();
    h.backend->conditional.before.shut();
    a.look_up(h, "k");
    h.runtime->advance(50ms);
    ASSERT_EQ(a.source.loads, 1) << "after the tier's timeout";
    ASSERT_TRUE(b.cache.invalidate("k"));
    h.backend->conditional.before.open();
    h.idle();
    a.source.gate.open();
    h.idle();
    EXPECT_EQ(b.in_tier("k"), "(nothing)");
}

TEST(Promise15, a_lease_that_is_looked_at_when_the_cache_ends_is_not_filled) {
    Harness h;
    auto options = leasing(h);
    options.timeouts.close = 0ms;
    Process a(options);
    a.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    h.backend->get.before.shut();
    a.source.gate.open();
    h.idle();
    ASSERT_EQ(h.backend->get.before.waiting(), 1u);
    EXPECT_FALSE(a.cache.close()) << "something is left behind";
    const auto sent = h.backend->conditional.calls;
    h.backend->get.before.open();
    h.idle();
    EXPECT_EQ(h.backend->conditional.calls, sent);
}

TEST(Promise15, a_lease_that_was_to_replace_what_has_gone_is_not_taken_after_the_end) {
    Harness h;
    auto options = leasing_stale(h);
    options.timeouts.close = 0ms;
    Process a(options), b(options);
    a.source.rows["k"] = b.source.rows["k"] = "old";
    ASSERT_TRUE(a.cache.get_or_load("k"));
    h.idle();
    h.runtime->advance(61s);
    h.backend->conditional.before.shut();
    ASSERT_TRUE(a.cache.get_or_load("k")->is_stale());
    h.idle();
    ASSERT_EQ(h.backend->conditional.before.waiting(), 1u);
    ASSERT_TRUE(b.cache.invalidate("k"));
    (void)a.cache.close();
    const auto sent = h.backend->conditional.calls;
    h.backend->conditional.before.open();
    h.idle();
    EXPECT_EQ(h.backend->conditional.calls, sent);
}

TEST(Promise6, a_tier_that_fails_while_one_waits_is_not_waited_for) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    b.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    Caught<Harness::Read> strict_read;
    b.look_up(h, "k");
    b.cache.async_get_or_load("k", strict(), h.into(strict_read));
    h.idle();
    h.backend->get.failure = Errc::connection_lost;
    h.runtime->advance(13ms);
    ASSERT_EQ(b.read.calls, 1);
    EXPECT_EQ(text(*b.read.value), "v");
    EXPECT_EQ(text(*strict_read.value), "connection_lost");
    h.backend->get.failure.reset();
    a.source.gate.open();
}

TEST(Leases, a_breaker_that_opens_while_one_waits_ends_the_wait) {
    Harness h;
    auto options = leasing(h);
    options.tiers[0].breaker.failures = 1;
    Process a(options), b(options);
    b.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    h.idle();
    h.runtime->advance(5ms);
    h.backend->get.before.shut();
    EXPECT_EQ(text(b.cache.get("another")), "(nothing)") << "which opens it";
    ASSERT_EQ(b.cache.stats().tiers.at(0).breaker.state, BreakerState::open);
    h.runtime->advance(50ms);
    ASSERT_EQ(b.read.calls, 1);
    EXPECT_EQ(text(*b.read.value), "v");
    h.backend->get.before.open();
    a.source.gate.open();
}

TEST(Promise8, a_caller_whose_deadline_comes_while_it_waits_has_its_answer_by_then) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    b.source.rows["k"] = "v";
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k", within(30ms));
    h.runtime->advance(30ms);
    EXPECT_EQ(text(*b.read.value), "timeout");
    h.runtime->advance(400ms);
    EXPECT_EQ(text(b.cache.get("k")), "v") << "what was begun for others goes on";
    a.source.gate.open();
}

TEST(Promise15, close_ends_those_who_wait) {
    Harness h;
    Process a(leasing(h)), b(leasing(h));
    a.source.gate.shut();
    a.look_up(h, "k");
    h.idle();
    b.look_up(h, "k");
    h.idle();
    const auto now = h.runtime->now();
    EXPECT_TRUE(b.cache.close());
    EXPECT_EQ(h.runtime->now(), now) << "none of its time was needed";
    h.idle();
    ASSERT_EQ(b.read.calls, 1);
    EXPECT_EQ(text(*b.read.value), "closed");
    EXPECT_EQ(b.source.loads, 0);
    EXPECT_EQ(b.cache.stats().left_behind, 0u);
    a.source.gate.open();
}

} // namespace
} // namespace tiercel::testing::chain
