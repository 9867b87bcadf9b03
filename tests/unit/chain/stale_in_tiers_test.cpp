// Values past their life that the tiers keep.
#include "past_its_life.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

/// Another machine, whose wall clock is off.
class SkewedRuntime final : public spi::Runtime {
public:
    SkewedRuntime(std::shared_ptr<VirtualRuntime> runtime, std::chrono::seconds off)
        : runtime_(std::move(runtime)), off_(off) {}
    SteadyTime now() const noexcept override { return runtime_->now(); }
    SystemTime wall_now() const noexcept override { return runtime_->wall_now() + off_; }
    asio::any_io_executor executor() override { return runtime_->executor(); }
    std::uint64_t random() noexcept override { return runtime_->random(); }
    TimerId call_at(SteadyTime when, std::function<void()> job) override {
        return runtime_->call_at(when, std::move(job));
    }
    bool cancel(TimerId timer) noexcept override { return runtime_->cancel(timer); }
    Result<void> run_blocking(std::function<void()> job) override { return runtime_->run_blocking(std::move(job)); }
    bool wait(const spi::WaitFlag& flag, SteadyTime deadline) override { return runtime_->wait(flag, deadline); }
    bool on_event_loop() const noexcept override { return runtime_->on_event_loop(); }

private:
    const std::shared_ptr<VirtualRuntime> runtime_;
    const std::chrono::seconds off_;
};

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

TEST(Promise4, a_clock_that_is_behind_extends_no_life_though_the_tier_keeps_values_longer) {
    Harness h;
    h.backend->can.reads_ttl = true;
    const auto options = stale_tier_options(h);
    PastItsLife past(h, options);
    h.source.failure = outage;
    for (const auto off : {-180s, -3600s, 180s}) {
        auto theirs = options;
        theirs.runtime = std::make_shared<SkewedRuntime>(h.runtime, off);
        const auto peer = Harness::make(theirs);
        const auto found = peer.get("k");
        EXPECT_TRUE(!found || found.is_stale()) << off.count();
        EXPECT_EQ(text(peer.get("k", fresh())), "(nothing)") << off.count();
    }
}

TEST(Stale, a_tiers_stale_value_does_not_replace_a_newer_one_in_memory) {
    Harness h;
    auto options = stale_tier_options(h);
    options.stale.while_revalidate = false;
    const auto cache = Harness::make(options);
    h.source.rows["k"] = "v1";
    ASSERT_EQ(text(cache.get_or_load("k")), "v1");
    h.idle();
    h.runtime->advance(90s);
    h.source.rows["k"] = "v2";
    CallOptions past_the_tier;
    past_the_tier.skip = Skip::tier(0);
    ASSERT_EQ(text(cache.get_or_load("k", past_the_tier)), "v2");
    h.runtime->advance(70s);
    h.source.failure = outage;
    EXPECT_EQ(text(cache.get_or_load("k", fresh())), "connection_failed");
    EXPECT_EQ(text(cache.get("k")), "v2");
}

TEST(Stale, an_answer_that_is_to_be_kept_nowhere_drops_what_was_stale) {
    Harness h;
    auto options = stale_tier_options(h);
    options.expiry.negative_ttl = 0s;
    PastItsLife past(h, options);
    h.source.rows.clear();
    EXPECT_EQ(text(past.cache.get_or_load("k")), "old") << "the source has not been asked yet";
    h.idle();
    EXPECT_EQ(text(past.cache.get("k")), "(nothing)");
    EXPECT_TRUE(past.cache.get_or_load("k")->known_absent());
    EXPECT_TRUE(h.backend->data.empty());
}

TEST(Stale, in_a_tier_spares_a_failing_source_too) {
    Harness h;
    auto options = stale_tier_options(h);
    options.stale.retry_after = 1min;
    PastItsLife past(h, options);
    h.source.failure = outage;
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(text(past.cache.get_or_load("k", past_memory())), "old");
        h.idle();
    }
    EXPECT_EQ(h.source.loads, 2);
}

TEST(Stale, the_end_in_memory_is_not_that_of_the_life_which_a_tier_may_know_better) {
    Harness h;
    auto options = h.options();
    options.expiry.ttl = 10min;
    options.memory.max_ttl = 1s;
    options.stale.keep = 1h;
    const auto cache = Harness::make(options);
    const auto peer = Harness::make(options);
    h.source.rows["k"] = "old";
    ASSERT_EQ(text(cache.get_or_load("k")), "old");
    h.idle();
    h.runtime->advance(10s);
    ASSERT_TRUE(peer.put("k", "theirs"));
    const auto found = cache.get_or_load("k");
    EXPECT_EQ(text(found), "theirs");
    EXPECT_FALSE(found->is_stale());
}

TEST(Promise8, a_lookup_that_is_not_to_load_has_the_stale_value_when_a_tier_hangs) {
    Harness h;
    PastItsLife past(h, stale_tier_options(h));
    h.backend->get.before.shut();
    const auto found = past.cache.try_get("k", within(10ms));
    EXPECT_EQ(text(found), "old");
    EXPECT_EQ(found->stale_reason(), StaleReason::not_loaded);
}

TEST(Promise1, a_lookup_from_before_an_invalidation_hands_nothing_stale_to_one_from_after_it) {
    Harness h;
    auto options = stale_tier_options(h);
    options.stale.while_revalidate = false;
    PastItsLife past(h, options);
    h.backend->get.before.shut();
    Caught<Harness::Read> before, after;
    past.cache.async_get_or_load("k", {}, h.into(before)); // has found the old value in memory
    h.idle();
    ASSERT_TRUE(past.cache.invalidate("k"));
    past.cache.async_get_or_load("k", {}, h.into(after));
    h.source.failure = outage;
    h.backend->get.before.open();
    h.idle();
    EXPECT_EQ(text(*before.value), "old");
    EXPECT_EQ(text(*after.value), "connection_failed");
}

} // namespace
} // namespace tiercel::testing::chain
