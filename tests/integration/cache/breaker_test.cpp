// A tier's breaker over real servers that are stopped, killed and refused.
#include "integration/cache/texts.hpp"
#include "support/ask_redis.hpp"
#include "support/wait_until.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace tiercel::test {
namespace {

/// Long enough for a healthy server to answer most of the time, short enough to run into often.
constexpr auto impatient = 100ms;

/// Memory over one server, and a loader.
class BreakerOver : public ::testing::Test {
protected:
    Texts::Options over(TierOptions tier) {
        auto options = texts({std::move(tier)});
        options.loader = [](const std::string& key) { return value_of(key); };
        options.on_event = [this](const Event& event) {
            const std::lock_guard lock(mutex);
            events.push_back(event);
        };
        return options;
    }
    static std::string value_of(const std::string& key) { return "of " + key; }
    static BreakerStats breaker(const Texts& cache) { return cache.stats().tiers.at(0).breaker; }
    static bool is_closed(const Texts& cache) { return breaker(cache).state == BreakerState::closed; }

    /// Looks each key up below memory; every one must be answered rightly. How many the tier answered.
    std::size_t look(const Texts& cache, int times) {
        std::size_t by_tier = 0;
        for (int i = 0; i < times; ++i) {
            const auto& key = keys[static_cast<std::size_t>(i) % keys.size()];
            const auto found = cache.get_or_load(key, {.skip = Skip::memory()});
            EXPECT_TRUE(found) << found.error().message();
            if (!found) continue;
            EXPECT_EQ(**found, value_of(key));
            by_tier += found->source() == from_tier(0);
        }
        return by_tier;
    }
    /// Puts all keys until the tier has taken them.
    void fill(const Texts& cache) {
        for (const auto& key : keys) {
            ASSERT_TRUE(wait_until([&] {
                const auto report = cache.put(key, value_of(key));
                return report && report->complete();
            }));
        }
        ASSERT_TRUE(wait_until([&] { return look(cache, 8) == 8; }));
    }
    /// The tier answers again, after a while without anybody who looks.
    void expect_back(const Texts& cache) {
        ASSERT_TRUE(wait_until([&] { return is_closed(cache); }));
        EXPECT_TRUE(wait_until([&] { return look(cache, 8) == 8; }));
    }
    std::size_t told(std::size_t kind) {
        const std::lock_guard lock(mutex);
        return static_cast<std::size_t>(std::count_if(
            events.begin(), events.end(), [kind](const Event& event) { return event.what.index() == kind; }));
    }

    /// The server is stopped, and resumed: what callers see.
    void stop_and_resume(Server& server, const Texts& cache) {
        for (std::uint64_t round = 1; round <= 3; ++round) {
            fill(cache);
            const auto before = cache.stats().tiers[0];
            server.stop_replying();
            EXPECT_EQ(look(cache, 5), 0U) << "all missed replies";
            EXPECT_FALSE(is_closed(cache));
            const auto open = cache.stats().tiers[0];
            EXPECT_EQ(open.breaker.opened, before.breaker.opened + 1);
            EXPECT_EQ(open.error_count(), before.error_count() + 5);

            EXPECT_EQ(look(cache, 200), 0U);
            const auto later = cache.stats().tiers[0];
            EXPECT_EQ(later.error_count(), open.error_count()) << "none of them waited";
            EXPECT_EQ(later.breaker.skipped_lookups, open.breaker.skipped_lookups + 200);
            EXPECT_FALSE(is_closed(cache));

            server.resume();
            expect_back(cache);
        }
    }

    const std::vector<std::string> keys{"a", "b", "c", "d", "e", "f", "g", "h"};
    std::mutex mutex;
    std::vector<Event> events;
};

class BreakerOverRedis : public BreakerOver {
protected:
    RedisServer redis;
};
class BreakerOverMemcached : public BreakerOver {
protected:
    MemcachedServer memcached;
};

TEST_F(BreakerOverRedis, a_stopped_server_is_left_out_after_five_missed_replies_and_used_again_when_resumed) {
    stop_and_resume(redis, made(over(redis_tier(redis.url(), impatient))));
}

TEST_F(BreakerOverMemcached, a_stopped_server_is_left_out_after_five_missed_replies_and_used_again_when_resumed) {
    stop_and_resume(memcached, made(over(memcached_tier(memcached.address(), impatient))));
}

TEST_F(BreakerOverRedis, a_killed_server_is_left_out_and_used_again_after_its_restart) {
    const auto cache = made(over(redis_tier(redis.url(), impatient)));
    for (int round = 0; round < 3; ++round) {
        fill(cache);
        redis.kill9();
        ASSERT_TRUE(wait_until([&] { return look(cache, 1) == 0 && !is_closed(cache); }));
        EXPECT_EQ(look(cache, 100), 0U);
        redis.restart();
        ASSERT_TRUE(wait_until([&] { return is_closed(cache); }));
        EXPECT_TRUE(wait_until([&] { return look(cache, 8) == 8; })) << "refilled by lookups, it should answer";
    }
}

TEST_F(BreakerOverMemcached, a_killed_server_is_left_out_and_used_again_after_its_restart) {
    const auto cache = made(over(memcached_tier(memcached.address(), impatient)));
    for (int round = 0; round < 3; ++round) {
        fill(cache);
        memcached.kill9();
        ASSERT_TRUE(wait_until([&] { return look(cache, 1) == 0 && !is_closed(cache); }));
        EXPECT_EQ(look(cache, 100), 0U);
        memcached.restart();
        ASSERT_TRUE(wait_until([&] { return is_closed(cache); }));
        EXPECT_TRUE(wait_until([&] { return look(cache, 8) == 8; })) << "refilled by lookups, it should answer";
    }
}

TEST_F(BreakerOverRedis, a_server_that_was_never_there_is_left_out_and_used_when_it_comes) {
    redis.kill9();
    const auto cache = made(over(redis_tier(redis.url(), impatient)));
    EXPECT_EQ(look(cache, 5), 0U);
    EXPECT_FALSE(is_closed(cache)) << "it has never answered: the failures are enough";
    redis.restart();
    ASSERT_TRUE(wait_until([&] { return is_closed(cache); }));
    EXPECT_TRUE(wait_until([&] { return look(cache, 8) == 8; }));
}

TEST_F(BreakerOverRedis, one_probe_at_a_time_and_no_caller_asks_a_stopped_server) {
    const auto cache = made(over(redis_tier(redis.url(), impatient)));
    fill(cache);
    const auto reads = [&] {
        const auto all = ask_redis(redis.port(), "", "INFO commandstats");
        const auto at = all.find("cmdstat_mget:calls=");
        return at == std::string::npos ? 0UL : std::stoul(all.substr(at + 19));
    };
    const auto before = reads();
    redis.stop_replying();
    EXPECT_EQ(look(cache, 5), 0U);
    std::vector<std::thread> callers;
    for (int i = 0; i < 8; ++i)
        callers.emplace_back([&] { EXPECT_EQ(look(cache, 200), 0U); });
    for (auto& caller : callers)
        caller.join();
    ASSERT_TRUE(wait_until([&] { return breaker(cache).probes >= 3; }));
    redis.resume();
    ASSERT_TRUE(wait_until([&] { return is_closed(cache); }));
    EXPECT_LE(reads(), before + 5 + breaker(cache).probes);
    ASSERT_TRUE(wait_until([&] { return told(2) == 1; })) << "closed";
    EXPECT_EQ(told(1), breaker(cache).probes) << "half-open";
    EXPECT_EQ(told(0), breaker(cache).probes) << "opened, and again with each probe but the last";
}

TEST_F(BreakerOverRedis, what_was_invalidated_or_put_while_it_was_open_is_not_served_old_when_it_is_back) {
    const auto cache = made(over(redis_tier(redis.url(), impatient)));
    for (int round = 0; round < 3; ++round) {
        const auto key = "key " + std::to_string(round);
        const auto gone = "gone " + std::to_string(round);
        fill(cache);
        ASSERT_TRUE(
            wait_until([&] { return cache.put(key, "old")->complete() && cache.put(gone, "old")->complete(); }));
        redis.stop_replying();
        EXPECT_EQ(look(cache, 5), 0U);
        ASSERT_FALSE(is_closed(cache));
        const auto repaired = cache.stats().pressure.repaired;
        const auto put = cache.put(key, "new");
        const auto invalidated = cache.invalidate(gone);
        ASSERT_TRUE(put && invalidated);
        for (const auto& outcome : {put->tiers.at(0), invalidated->tiers.at(0)}) {
            EXPECT_EQ(outcome.kind, TierOutcome::Kind::queued);
            EXPECT_EQ(outcome.error.value(), Errc::breaker_open);
        }
        redis.resume();
        ASSERT_TRUE(wait_until([&] { return is_closed(cache); }));
        const auto hits = cache.stats().tiers[0].hits;
        for (int i = 0; i < 50; ++i) {
            EXPECT_FALSE(cache.get(key, {.skip = Skip::memory()}));
            EXPECT_FALSE(cache.get(gone, {.skip = Skip::memory()}));
        }
        EXPECT_EQ(*cache.get(key), "new");
        EXPECT_EQ(cache.stats().tiers[0].hits, hits);
        ASSERT_TRUE(wait_until([&] { return cache.stats().pressure.repaired >= repaired + 2; })) << "the old ones";
    }
}

TEST_F(BreakerOverRedis, closing_a_cache_whose_probe_hangs_does_not_wait_for_it) {
    auto options = over(redis_tier(redis.url(), impatient));
    options.tiers[0].breaker.failures = 1;
    const auto cache = made(std::move(options));
    fill(cache);
    redis.stop_replying();
    EXPECT_EQ(look(cache, 1), 0U);
    ASSERT_TRUE(wait_until([&] { return breaker(cache).state == BreakerState::half_open; }));
    EXPECT_TRUE(cache.close());
    redis.resume();
}

} // namespace
} // namespace tiercel::test
