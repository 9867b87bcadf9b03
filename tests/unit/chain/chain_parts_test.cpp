// The chain's parts by themselves: fences, key locks, option checks; and priming.
#include "chain/fences.hpp"
#include "chain/key_locks.hpp"
#include "scripted.hpp"

#include <tiercel/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace tiercel::testing::chain {
namespace {

using tiercel::chain::Fences;
using tiercel::chain::KeyLocks;

TEST(Fences, a_confirmed_erase_is_forgotten_when_no_older_read_is_under_way) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto began = fences.begin();
    const auto raised = fences.raise(1);
    fences.settle(1, raised, true);
    EXPECT_FALSE(fences.believes(1, began));
    EXPECT_TRUE(fences.believes(1, raised));
    EXPECT_TRUE(fences.believes(2, began));
    fences.end(began);
    EXPECT_EQ(fences.size(), 0u);
}

TEST(Fences, a_confirmed_erase_is_remembered_for_the_reads_that_were_under_way_when_it_was) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto old = fences.stamp();
    const auto raised = fences.raise(1);
    const auto during = fences.begin(); // may have been given the old value just before the erase
    fences.settle(1, raised, true);
    const auto after = fences.begin();
    EXPECT_FALSE(fences.believes(1, old));
    fences.end(during);
    EXPECT_EQ(fences.size(), 0u);
    EXPECT_TRUE(fences.believes(1, old));
    fences.end(after);
}

TEST(Fences, a_confirmed_erase_is_remembered_for_the_reads_under_way_when_the_last_older_fill_ended) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto filling = fences.begin();
    const auto raised = fences.raise(1);
    fences.settle(1, raised, true);
    const auto after = fences.begin(); // may be given what the older one is filling in
    fences.end(filling);
    EXPECT_FALSE(fences.believes(1, filling));
    fences.end(after);
    EXPECT_EQ(fences.size(), 0u);
}

TEST(Fences, a_key_that_is_raised_again_while_it_drains_is_remembered_by_its_last_stamp) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto first = fences.raise(1);
    const auto during = fences.begin();
    fences.settle(1, first, true);
    const auto second = fences.raise(1);
    fences.settle(1, second, true);
    EXPECT_FALSE(fences.believes(1, first));
    fences.end(during);
    fences.settle(2, fences.raise(2), true);
    EXPECT_EQ(fences.size(), 0u);
}

TEST(Fences, an_erase_that_failed_is_remembered_until_a_later_one_is_confirmed) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto old = fences.stamp();
    fences.settle(1, fences.raise(1), false);
    EXPECT_FALSE(fences.believes(1, old));
    fences.settle(1, fences.raise(1), true);
    EXPECT_EQ(fences.size(), 0u);
}

TEST(Fences, a_lost_fill_is_remembered_through_a_confirmed_erase) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto old = fences.stamp();
    fences.fill_unknown(1);
    EXPECT_TRUE(fences.believes(1, old));
    fences.settle(1, fences.raise(1), true);
    EXPECT_FALSE(fences.believes(1, old));
    EXPECT_EQ(fences.size(), 1u);
}

TEST(Fences, an_overflow_gives_up_everything_older) {
    ManualClock clock;
    Fences fences(clock, 2);
    const auto old = fences.stamp();
    for (std::uint64_t hash = 1; hash <= 3; ++hash)
        fences.settle(hash, fences.raise(hash), false);
    EXPECT_EQ(fences.overflows(), 1u);
    EXPECT_LE(fences.size(), 2u);
    for (std::uint64_t hash = 1; hash <= 4; ++hash)
        EXPECT_FALSE(fences.believes(hash, old));
    EXPECT_TRUE(fences.believes(4, fences.stamp()));
}

TEST(Fences, what_settles_after_an_overflow_does_not_settle_anothers_record) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto first = fences.raise(1);
    fences.raise_all();
    const auto between = fences.stamp();
    const auto second = fences.raise(1); // pending
    fences.settle(1, first, true);
    EXPECT_FALSE(fences.believes(1, between));
    fences.settle(1, second, false);
    EXPECT_FALSE(fences.believes(1, between));
}

TEST(Fences, a_key_invalidated_over_and_over_during_one_read_takes_one_record) {
    ManualClock clock;
    Fences fences(clock, 100);
    const auto began = fences.begin();
    for (int i = 0; i < 1'000; ++i)
        fences.settle(1, fences.raise(1), true);
    EXPECT_EQ(fences.size(), 1u);
    EXPECT_FALSE(fences.believes(1, began));
    fences.end(began);
    EXPECT_EQ(fences.size(), 0u);
}

TEST(KeyLocks, batches_go_in_order_and_none_waits_for_ever) {
    KeyLocks locks;
    std::string order;
    locks.lock({1, 2}, [&] { order += 'a'; });
    locks.lock({2, 3}, [&] { order += 'b'; });
    locks.lock({1}, [&] { order += 'c'; });
    locks.lock({3}, [&] { order += 'd'; });
    EXPECT_EQ(order, "ad");
    EXPECT_EQ(locks.waiting(), 2u);
    locks.unlock({1, 2});
    EXPECT_EQ(order, "adc");
    locks.unlock({3});
    EXPECT_EQ(order, "adcb");
    EXPECT_EQ(locks.waiting(), 0u);
}

TEST(KeyLocks, a_hundred_thousand_waiters_that_end_at_once_do_not_recurse) {
    KeyLocks locks;
    int gone = 0;
    locks.lock({1}, [] {});
    for (int i = 0; i < 100'000; ++i) {
        locks.lock({1}, [&] {
            ++gone;
            locks.unlock({1});
        });
    }
    locks.unlock({1});
    EXPECT_EQ(gone, 100'000);
}

TEST(Options, every_bad_field_is_named_in_the_error) {
    using Options = Harness::C::Options;
    struct Case {
        const char* field;
        std::function<void(Options&)> spoil;
    };
    const std::vector<Case> cases{
        {"name", [](Options& o) { o.name.clear(); }},
        {"memory.max_entries", [](Options& o) { o.memory.max_entries = 0; }},
        {"memory.max_weight", [](Options& o) { o.memory.max_weight = 1; }},
        {"memory.weigher", [](Options& o) { o.memory.weigher = [](const auto&, const auto&) { return 1ull; }; }},
        {"memory.shards", [](Options& o) { o.memory.shards = 3; }},
        {"memory.shards",
         [](Options& o) {
             o.memory.max_entries = 2;
             o.memory.shards = 4;
         }},
        {"memory.max_ttl", [](Options& o) { o.memory.max_ttl = 0s; }},
        {"tiers[0].backend", [](Options& o) { o.tiers[0].backend = Error(Errc::connection_failed, "no"); }},
        {"tiers[0].backend", [](Options& o) { o.tiers[0].backend = std::shared_ptr<spi::Backend>(); }},
        {"tiers[1].name", [](Options& o) { o.tiers.push_back(o.tiers[0]); }},
        {"tiers[0].max_ttl", [](Options& o) { o.tiers[0].max_ttl = -1s; }},
        {"tiers[0].timeout", [](Options& o) { o.tiers[0].timeout = 0s; }},
        {"tiers", [](Options& o) { o.tiers.resize(32, o.tiers[0]); }},
        {"expiry.ttl", [](Options& o) { o.expiry.ttl = 0s; }},
        {"expiry.ttl", [](Options& o) { o.expiry.ttl = std::chrono::hours(24) * 40'000; }},
        {"expiry.jitter", [](Options& o) { o.expiry.jitter = 1.0; }},
        {"expiry.jitter", [](Options& o) { o.expiry.jitter = -0.1; }},
        {"expiry.negative_ttl", [](Options& o) { o.expiry.negative_ttl = -1s; }},
        {"expiry.max_idle", [](Options& o) { o.expiry.max_idle = 0s; }},
        {"timeouts.call", [](Options& o) { o.timeouts.call = 0s; }},
        {"timeouts.source", [](Options& o) { o.timeouts.source = 0s; }},
        {"timeouts.close", [](Options& o) { o.timeouts.close = -1s; }},
        {"loading.max_concurrent", [](Options& o) { o.loading.max_concurrent = 0; }},
        {"loading.max_waiting", [](Options& o) { o.loading.max_waiting = 0; }},
        {"loading.max_waiters", [](Options& o) { o.loading.max_waiters = 0; }},
        {"loading.run_on", [](Options& o) { o.loading.run_on = RunOn::caller; }},
        {"record_accesses.sample", [](Options& o) { o.record_accesses.sample = 0; }},
        {"record_accesses.sample", [](Options& o) { o.record_accesses.sample = 1.01; }},
        {"record_accesses.max_bytes", [](Options& o) { o.record_accesses.max_bytes = 0; }},
        {"record_accesses.path", [](Options& o) { o.record_accesses.path = "/no such directory/trace"; }},
        {"max_value_bytes", [](Options& o) { o.max_value_bytes = 0; }},
        {"max_key_bytes", [](Options& o) { o.max_key_bytes = 0; }},
    };
    Harness h;
    for (const auto& wrong : cases) {
        auto options = h.options();
        wrong.spoil(options);
        const auto cache = Harness::C::create(std::move(options));
        ASSERT_FALSE(cache) << wrong.field;
        EXPECT_EQ(cache.error(), Errc::invalid_option);
        EXPECT_EQ(cache.error().message().rfind(std::string("CacheOptions::") + wrong.field + " ", 0), 0u)
            << cache.error().message();
    }
}

TEST(Options, of_a_call_are_checked_too) {
    Harness h;
    const auto cache = Harness::make(h.options());
    EXPECT_EQ(text(cache.try_get("k", within(0s))), "invalid_option");
    EXPECT_EQ(cache.put("k", "v", living(0s)).error(), Errc::invalid_option);
    EXPECT_EQ(cache.invalidate("k", within(-1s)).error(), Errc::invalid_option);
    EXPECT_EQ(cache.clear(within(-1s)).error(), Errc::invalid_option);
}

std::vector<std::string> numbers(int count) {
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i)
        keys.push_back(std::to_string(i));
    return keys;
}

TEST(Priming, loads_what_is_not_fresh_and_says_what_became_of_each_key) {
    Harness h;
    auto options = h.options();
    options.loader = [&](const std::string& key) -> Result<std::optional<std::string>> {
        ++h.source.loads;
        if (key == "bad") return Error(Errc::loader_failed, "no luck");
        if (key == "absent") return std::optional<std::string>();
        return std::optional(key);
    };
    const auto other = Harness::make(h.options());
    ASSERT_TRUE(other.put("in tier", "v"));
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("fresh", "v"));
    const auto report = cache.prime({"fresh", "in tier", "a", "b", "absent", "bad", "bad"});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->end, PrimeReport::End::completed);
    EXPECT_EQ(report->counts.keys, 7u);
    EXPECT_EQ(report->counts.fresh, 1u);
    EXPECT_EQ(report->counts.from_tiers, 1u);
    EXPECT_EQ(report->counts.loaded, 2u);
    EXPECT_EQ(report->counts.absent, 1u);
    EXPECT_EQ(report->counts.failed, 2u);
    ASSERT_EQ(report->reasons.size(), 1u);
    EXPECT_EQ(report->reasons[0], (std::pair<std::string, std::uint64_t>("no luck", 2)));
    EXPECT_EQ(h.source.loads, 4);
    EXPECT_TRUE(cache.get("a"));
}

TEST(Priming, keeps_to_its_rate_and_its_parallelism_and_tells_of_its_progress) {
    Harness h;
    auto options = h.options();
    int at_once = 0, most_at_once = 0;
    Gate gate;
    options.loader = [&](std::span<const std::string> keys) -> asio::awaitable<std::vector<std::string>> {
        std::vector<std::string> values(keys.begin(), keys.end());
        most_at_once = std::max(most_at_once, ++at_once);
        co_await gate.pass();
        --at_once;
        co_return values;
    };
    const auto cache = Harness::make(std::move(options));
    std::vector<std::uint64_t> settled;
    PrimeOptions prime;
    prime.batch = 10;
    prime.parallel = 2;
    prime.rate_per_second = 100;
    prime.on_progress = [&](const PrimeProgress& progress) {
        EXPECT_EQ(progress.total, 100u);
        settled.push_back(progress.counts.settled());
    };
    const auto report = cache.prime(numbers(100), prime);
    EXPECT_EQ(report->counts.loaded, 100u);
    EXPECT_GE(report->elapsed, 900ms);
    EXPECT_LT(report->elapsed, 1100ms);
    EXPECT_TRUE(std::is_sorted(settled.begin(), settled.end()));
    EXPECT_EQ(settled.back(), 100u);

    gate.shut();
    prime.rate_per_second = 0;
    ASSERT_TRUE(cache.clear());
    Caught<Result<PrimeReport>> caught;
    cache.async_prime(numbers(100), prime, h.into(caught));
    h.idle();
    EXPECT_EQ(at_once, 2);
    gate.open();
    h.idle();
    EXPECT_EQ(caught.calls, 1);
    EXPECT_EQ(most_at_once, 2);
}

TEST(Priming, ends_at_its_deadline_and_when_it_is_told_to_stop) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.gate.shut();
    PrimeOptions prime;
    prime.timeout = 1s;
    const auto began = h.runtime->now();
    const auto late = cache.prime(numbers(10), prime);
    EXPECT_EQ(late->end, PrimeReport::End::timed_out);
    EXPECT_EQ(late->counts.failed, 10u);
    EXPECT_EQ(h.runtime->now() - began, 1s);

    h.source.gate.open();
    h.idle();
    std::stop_source stop;
    prime.timeout = 1h;
    prime.rate_per_second = 1;
    prime.batch = 1;
    prime.stop = stop.get_token();
    Caught<Result<PrimeReport>> caught;
    cache.async_prime(numbers(100), prime, h.into(caught));
    h.runtime->advance(5s);
    stop.request_stop();
    h.idle();
    ASSERT_EQ(caught.calls, 1);
    EXPECT_EQ((*caught.value)->end, PrimeReport::End::cancelled);
    EXPECT_LT((*caught.value)->counts.keys, 10u);
}

TEST(Priming, a_generator_that_throws_ends_the_list) {
    Harness h;
    const auto cache = Harness::make(h.options());
    int given = 0;
    const auto report = cache.prime([&]() -> std::optional<std::string> {
        if (given == 3) throw std::runtime_error("list broke");
        return std::to_string(given++);
    });
    ASSERT_TRUE(report);
    EXPECT_EQ(report->counts.keys, 3u);
    EXPECT_EQ(report->counts.absent, 3u);
    ASSERT_EQ(report->reasons.size(), 1u);
    EXPECT_NE(report->reasons[0].first.find("list broke"), std::string::npos);
}

TEST(Priming, of_a_tier_that_cannot_list_is_unsupported) {
    Harness h;
    const auto cache = Harness::make(h.options());
    EXPECT_EQ(cache.prime_from("tier").error(), Errc::unsupported);
    EXPECT_EQ(cache.prime_from("nobody").error(), Errc::invalid_option);
}

TEST(Stats, a_quantile_is_right_to_an_eighth) {
    for (const std::int64_t ns : {0, 1, 7, 8, 9, 1'000, 123'456, 999'999'999}) {
        LatencyHistogram histogram;
        histogram.buckets[LatencyHistogram::bucket_of(std::chrono::nanoseconds(ns))] = 1;
        const auto told = histogram.quantile(0.5).count();
        EXPECT_GE(told, ns);
        EXPECT_LE(static_cast<double>(told), static_cast<double>(ns) * 1.125);
    }
    EXPECT_EQ(LatencyHistogram::bucket_of(std::chrono::hours(10)), LatencyHistogram::bucket_count - 1);
}

} // namespace
} // namespace tiercel::testing::chain
