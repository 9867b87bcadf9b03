#include "integration/cache/texts.hpp"
#include "support/wait_until.hpp"

#include <tiercel/zstd.hpp>

#include <atomic>
#include <random>
#include <thread>

namespace tiercel::test {
namespace {

/// Long enough for a healthy server to answer most of the time, short enough to run into often.
constexpr auto impatient = 100ms;

class Outage : public TwoServers {
protected:
    Texts::Options chain(std::chrono::nanoseconds timeout = impatient) {
        auto tiers = both(timeout);
        for (auto& tier : tiers)
            tier.compressor = zstd::compressor();
        auto options = texts(std::move(tiers));
        options.loader = [](const std::string& key) { return value_of(key); };
        return options;
    }
    static std::string value_of(const std::string& key) { return "of " + key; }

    /// Puts `these` until every tier has taken them.
    void fill(const Texts& cache, const std::vector<std::string>& these) {
        for (const auto& key : these) {
            ASSERT_TRUE(wait_until([&] {
                const auto report = cache.put(key, value_of(key));
                return report && report->complete();
            }));
        }
    }
    /// Looks each key up below memory; every one must be answered rightly. How many the tier answered.
    static std::size_t lookups(const Texts& cache, const std::vector<std::string>& these, std::uint8_t tier) {
        std::size_t by_tier = 0;
        for (const auto& key : these) {
            const auto found = cache.get_or_load(key, {.skip = Skip::memory()});
            EXPECT_TRUE(found) << found.error().message();
            if (!found) continue;
            EXPECT_EQ(**found, value_of(key));
            by_tier += found->source() == from_tier(tier);
        }
        return by_tier;
    }
    /// The tier answers again for all of them.
    static bool comes_back(const Texts& cache, const std::vector<std::string>& these, std::uint8_t tier) {
        CallOptions options{.skip = Skip::memory() | Skip::tier(1U - tier)};
        return wait_until([&] {
            bool all = true;
            for (const auto& found : cache.get_or_load_many(these, options)) {
                EXPECT_TRUE(found);
                all = all && found && found->source() == from_tier(tier);
            }
            return all;
        });
    }

    const std::vector<std::string> keys{"a", "b", "c", "d", "e", "f", "g", "h"};
};

TEST_F(Outage, a_redis_killed_in_mid_run_fails_no_lookup_and_is_used_again_after_its_restart) {
    const auto cache = made(chain());
    for (int round = 0; round < 3; ++round) {
        fill(cache, keys);
        EXPECT_TRUE(comes_back(cache, keys, 0));
        redis.kill9();
        EXPECT_EQ(lookups(cache, keys, 0), 0U);
        EXPECT_TRUE(comes_back(cache, keys, 1)) << "memcached should have answered";
        redis.restart();
        EXPECT_TRUE(comes_back(cache, keys, 0)) << "refilled by lookups, it should answer";
    }
    EXPECT_GT(cache.stats().tiers[0].error_count(), 0U);
}

TEST_F(Outage, a_stopped_redis_costs_each_lookup_its_tiers_timeout_at_most_and_answers_again_when_resumed) {
    const auto cache = made(chain());
    for (int round = 0; round < 3; ++round) {
        fill(cache, keys);
        redis.stop_replying();
        EXPECT_EQ(lookups(cache, keys, 0), 0U);
        redis.resume();
        EXPECT_TRUE(comes_back(cache, keys, 0));
    }
    EXPECT_GT(errors(cache.stats().tiers[0], Errc::timeout), 0U);
}

TEST_F(Outage, a_memcached_killed_or_stopped_fails_no_lookup_and_comes_back) {
    const auto cache = made(chain());
    CallOptions not_redis{.skip = Skip::memory() | Skip::tier(0)};
    fill(cache, keys);
    memcached.kill9();
    for (const auto& key : keys) {
        const auto found = cache.get_or_load(key, not_redis);
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_EQ(found->source(), from_loader);
    }
    memcached.restart();
    EXPECT_TRUE(comes_back(cache, keys, 1));
    memcached.stop_replying();
    for (const auto& key : keys) {
        const auto found = cache.get_or_load(key, not_redis);
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_EQ(found->source(), from_loader);
    }
    memcached.resume();
    EXPECT_TRUE(comes_back(cache, keys, 1));
}

TEST_F(Outage, with_both_servers_gone_the_loader_serves_and_memory_holds) {
    const auto cache = made(chain());
    redis.kill9();
    memcached.stop_replying();
    for (const auto& key : keys) {
        const auto found = cache.get_or_load(key);
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_EQ(found->source(), from_loader);
        EXPECT_EQ(cache.get_or_load(key)->source(), from_memory);
    }
    const auto batch = cache.get_or_load_many(keys, {.skip = Skip::memory()});
    for (const auto& found : batch)
        EXPECT_TRUE(found);
    memcached.resume();
}

TEST_F(Outage, a_lookup_ends_at_its_own_deadline_though_the_tiers_would_wait_longer) {
    auto options = chain(1h);
    options.timeouts.close = impatient;
    const auto cache = made(std::move(options));
    redis.stop_replying();
    const auto found = cache.get_or_load("key", {.timeout = impatient});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error(), Errc::timeout);
    redis.resume();
    EXPECT_TRUE(cache.get_or_load("key")) << "what was begun goes on once the server answers";
}

TEST_F(Outage, a_strict_lookup_tells_what_a_lenient_one_does_without) {
    const auto cache = made(chain());
    fill(cache, keys);
    redis.stop_replying();
    CallOptions strict{.skip = Skip::memory(), .strictness = Strictness::strict};
    const auto found = cache.get_or_load("a", strict);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error(), Errc::timeout);
    const auto put = cache.put("a", "value", {.strictness = Strictness::strict});
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error(), Errc::timeout);
    redis.resume();
}

TEST_F(Outage, a_value_that_redis_could_not_be_told_is_old_is_not_served_when_redis_comes_back) {
    const auto cache = made(chain());
    for (int round = 0; round < 5; ++round) {
        const auto key = "key " + std::to_string(round);
        const auto gone = "gone " + std::to_string(round);
        fill(cache, {key, gone});
        redis.stop_replying();
        const auto put = cache.put(key, "new");
        ASSERT_TRUE(put);
        EXPECT_EQ(put->tiers[0].kind, TierOutcome::Kind::queued);
        const auto invalidated = cache.invalidate(gone);
        ASSERT_TRUE(invalidated);
        EXPECT_FALSE(invalidated->complete());
        redis.resume();
        for (int i = 0; i < 50; ++i) {
            if (const auto found = cache.get(key, {.skip = Skip::memory()})) {
                EXPECT_EQ(*found, "new");
            }
            EXPECT_FALSE(cache.get(gone, {.skip = Skip::memory()}));
        }
        EXPECT_EQ(*cache.get(key), "new");
    }
}

TEST_F(Outage, a_cache_made_while_both_servers_are_down_uses_them_when_they_are_up) {
    redis.kill9();
    memcached.kill9();
    const auto cache = made(chain());
    EXPECT_EQ(lookups(cache, keys, 0), 0U);
    redis.restart();
    memcached.restart();
    EXPECT_TRUE(comes_back(cache, keys, 0));
    EXPECT_TRUE(comes_back(cache, keys, 1));
}

/// Random calls by several threads while a fifth one stops, kills and restarts the servers.
TEST_F(Outage, no_caller_ever_gets_another_keys_value_while_servers_die_and_hang_at_random) {
    auto options = chain(5ms);
    options.memory.max_entries = 16; // most lookups go below
    const auto cache = made(std::move(options));
    std::atomic<int> wrong{0};
    std::atomic<int> failed{0};
    std::atomic<int> threads{4};
    std::vector<std::thread> callers;
    for (unsigned seed = 0; seed < 4; ++seed) {
        callers.emplace_back([&, seed] {
            std::mt19937 random(seed);
            const auto check = [&](const std::string& key, const Result<Text>& found) {
                if (!found) {
                    ++failed;
                } else if (*found && **found != value_of(key)) {
                    ++wrong;
                }
            };
            const auto some_key = [&] { return "key " + std::to_string(random() % 300); };
            for (int i = 0; i < 300; ++i) {
                const auto key = some_key();
                const CallOptions call{.skip = random() % 2 == 0 ? Skip() : Skip::memory()};
                switch (random() % 8) {
                case 0:
                    (void)cache.put(key, value_of(key));
                    break;
                case 1:
                    (void)cache.invalidate(key);
                    break;
                case 2: {
                    const std::vector<std::string> batch{some_key(), some_key(), some_key(), some_key()};
                    const auto found = cache.get_or_load_many(batch, call);
                    for (std::size_t n = 0; n < batch.size(); ++n)
                        check(batch[n], found[n]);
                    break;
                }
                case 3:
                    check(key, cache.get(key, call));
                    break;
                default:
                    check(key, cache.get_or_load(key, call));
                }
            }
            --threads;
        });
    }
    std::mt19937 random(99);
    while (threads != 0) {
        Server& victim = random() % 2 == 0 ? static_cast<Server&>(redis) : static_cast<Server&>(memcached);
        const auto misses = cache.stats().tiers[0].error_count() + cache.stats().tiers[1].error_count();
        const bool killed = random() % 3 == 0;
        if (killed) {
            victim.kill9();
        } else {
            victim.stop_replying();
        }
        (void)wait_until(
            [&] {
                const auto stats = cache.stats();
                return threads == 0 || stats.tiers[0].error_count() + stats.tiers[1].error_count() >= misses + 5;
            },
            1s);
        if (killed) {
            victim.restart();
        } else {
            victim.resume();
        }
        const auto hits = cache.stats().tiers[0].hits + cache.stats().tiers[1].hits;
        (void)wait_until(
            [&] {
                const auto stats = cache.stats();
                return threads == 0 || stats.tiers[0].hits + stats.tiers[1].hits >= hits + 20;
            },
            1s);
    }
    for (auto& caller : callers)
        caller.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(failed, 0) << "a lookup failed because a server did";
}

} // namespace
} // namespace tiercel::test
