#include "integration/cache/texts.hpp"
#include "support/wait_until.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>
#include <stdexcept>
#include <thread>

namespace tiercel::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadLoader : public TwoServers {};

TEST_F(BadLoader, what_it_throws_is_the_callers_error_and_is_not_cached) {
    std::atomic<int> calls{0};
    auto options = texts(both());
    options.loader = [&](const std::string&) -> std::string {
        if (++calls <= 2) throw std::runtime_error("the database is down");
        return "there again";
    };
    const auto cache = made(std::move(options));
    for (int time = 0; time < 2; ++time) {
        const auto failed = cache.get_or_load("key");
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error(), Errc::loader_failed);
        EXPECT_THAT(failed.error().message(), HasSubstr("the loader threw: the database is down"));
    }
    EXPECT_FALSE(cache.get("key"));
    EXPECT_EQ(**cache.get_or_load("key"), "there again");
    EXPECT_EQ(cache.stats().source.load_failures, 2U);
}

TEST_F(BadLoader, what_is_thrown_and_no_exception_is_an_error_all_the_same) {
    const auto cache = made(texts(both()));
    const auto failed = cache.get_or_load("key", [](const std::string&) -> std::string { throw 42; });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), Errc::loader_failed);
    EXPECT_THAT(failed.error().message(), HasSubstr("no std::exception"));
}

TEST_F(BadLoader, one_that_throws_for_one_key_of_many_costs_the_others_nothing) {
    const auto cache = made(texts(both()));
    const std::vector<std::string> keys{"a", "bad", "b"};
    const auto loaded = cache.get_or_load_many(keys, [](const std::string& key) -> std::string {
        if (key == "bad") throw std::runtime_error("no");
        return "of " + key;
    });
    EXPECT_EQ(**loaded[0], "of a");
    EXPECT_FALSE(loaded[1]);
    EXPECT_EQ(**loaded[2], "of b");
}

/// A loader that returns when the test ends.
class Stuck : public TwoServers {
protected:
    ~Stuck() override { release(); }
    void release() {
        if (!std::exchange(released_, true)) gate_->count_down();
    }
    /// Of the key "stuck"; others are loaded at once. Safe to run after the test.
    Loader<std::string, std::string> loader() {
        return [gate = gate_, running = running_](const std::string& key) {
            if (key == "stuck") {
                ++*running;
                gate->wait();
            }
            return "of " + key;
        };
    }
    std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);

private:
    std::shared_ptr<std::latch> gate_ = std::make_shared<std::latch>(1);
    bool released_ = false;
};

TEST_F(Stuck, a_loader_that_never_returns_costs_its_callers_their_deadline_and_others_nothing) {
    auto options = texts(both());
    options.loader = loader();
    const auto cache = made(std::move(options));
    for (int time = 0; time < 3; ++time) {
        const auto failed = cache.get_or_load("stuck", {.timeout = 30ms});
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error(), Errc::timeout);
        EXPECT_THAT(failed.error().message(), AllOf(HasSubstr("texts"), HasSubstr("CallOptions::timeout")));
    }
    EXPECT_EQ(**cache.get_or_load("other"), "of other");
    EXPECT_LE(*running_, 1) << "a load under way was begun a second time";
    const std::vector<std::string> keys{"more", "stuck"};
    const auto batch = cache.get_or_load_many(keys, {.timeout = 200ms});
    EXPECT_FALSE(batch[1]);

    release();
    EXPECT_EQ(**cache.get_or_load("stuck"), "of stuck");
    EXPECT_EQ(*running_, 1);
}

TEST_F(Stuck, its_key_is_free_again_after_the_sources_timeout) {
    auto options = texts(both());
    options.loader = loader();
    options.timeouts.source = 30ms;
    const auto cache = made(std::move(options));
    const auto failed = cache.get_or_load("stuck");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), Errc::timeout);
    EXPECT_THAT(failed.error().message(), HasSubstr("TimeoutOptions::source"));
    const auto by_another_way = [](const std::string&) { return std::string("by another way"); };
    EXPECT_TRUE(wait_until([&] { return cache.get_or_load("stuck", by_another_way).has_value(); }));
    release();
    EXPECT_EQ(*cache.get("stuck"), "by another way");
}

TEST_F(Stuck, close_gives_up_on_it_in_time_and_says_what_was_left_behind) {
    auto options = texts(both());
    options.loader = loader();
    options.timeouts.close = 30ms;
    const auto cache = made(std::move(options));
    auto waiting = std::async(std::launch::async, [&] { return cache.get_or_load("stuck"); });
    ASSERT_TRUE(wait_until([&] { return *running_ == 1; }));
    const auto closed = cache.close();
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error(), Errc::timeout);
    EXPECT_THAT(closed.error().message(), AllOf(HasSubstr("1 operations"), HasSubstr("TimeoutOptions::close")));
    EXPECT_EQ(cache.stats().left_behind, 1U);
    const auto answer = waiting.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), Errc::closed);
}

TEST_F(Stuck, a_cache_destroyed_with_a_load_under_way_lets_the_loader_end_later_and_harms_nobody) {
    std::atomic<int> removals{0};
    {
        auto options = texts(both());
        options.loader = loader();
        options.timeouts.close = 30ms;
        options.memory.on_removal = [&](const std::string&, const Text&, RemovalCause) { ++removals; };
        const auto cache = made(std::move(options));
        EXPECT_FALSE(cache.get_or_load("stuck", {.timeout = 10ms}));
        EXPECT_TRUE(cache.get_or_load("other"));
        ASSERT_TRUE(wait_until([&] { return *running_ == 1; }));
    }
    EXPECT_EQ(removals, 1) << "of the other key, by the close";
    release();
    const auto next = made(texts(both()));
    EXPECT_FALSE(next.get("stuck")) << "a load that ended after its cache was closed reached a tier";
}

TEST_F(Stuck, a_cache_destroyed_with_writes_under_way_to_a_dead_server_does_not_wait_for_it) {
    redis.stop_replying();
    {
        auto options = texts(both(1h));
        options.timeouts.close = 30ms;
        const auto cache = made(std::move(options));
        for (int i = 0; i < 20; ++i) {
            const auto put = cache.put(std::to_string(i), "value", {.timeout = 1ms});
            ASSERT_FALSE(put);
            EXPECT_EQ(put.error(), Errc::timeout);
        }
    }
    redis.resume();
}

TEST_F(TwoServers, a_removal_listener_that_throws_harms_nobody) {
    auto options = texts(both());
    options.memory.on_removal = [](const std::string&, const Text&, RemovalCause) { throw std::runtime_error("no"); };
    const auto cache = made(std::move(options));
    ASSERT_TRUE(cache.put("key", "value"));
    EXPECT_TRUE(cache.put("key", "other"));
    EXPECT_TRUE(cache.invalidate("key"));
    EXPECT_EQ(cache.stats().listener_failures, 2U);
}

TEST_F(TwoServers, a_writer_that_throws_fails_the_put_and_leaves_no_tier_with_the_old_or_new_value) {
    auto options = texts(both());
    std::atomic<bool> broken{false};
    options.writer = [&](const std::string&, const std::string&) {
        if (broken) throw std::runtime_error("disk full");
    };
    const auto cache = made(std::move(options));
    ASSERT_TRUE(cache.put("key", "old"));
    broken = true;
    const auto put = cache.put("key", "new");
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error(), Errc::writer_failed);
    EXPECT_THAT(put.error().message(), HasSubstr("the writer threw: disk full"));
    EXPECT_FALSE(cache.get("key"));
    EXPECT_FALSE(made(texts(both())).get("key"));
}

// After the end ----------------------------------------------------------------------------------------------------

TEST_F(TwoServers, every_call_after_close_is_an_error_that_says_so) {
    auto options = texts(both());
    std::atomic<int> source_calls{0};
    options.loader = [&](const std::string&) {
        ++source_calls;
        return std::string("loaded");
    };
    options.writer = [&](const std::string&, const std::string&) { ++source_calls; };
    const auto cache = made(std::move(options));
    ASSERT_TRUE(cache.put("key", "value"));
    const auto kept = cache.get("key");
    source_calls = 0;
    ASSERT_TRUE(cache.close());

    const auto expect_closed = [](const auto& result) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), Errc::closed);
        EXPECT_THAT(result.error().message(), HasSubstr("cache 'texts' is closed"));
    };
    const std::vector<std::string> keys{"key", "other"};
    EXPECT_FALSE(cache.get("key"));
    expect_closed(cache.try_get("key"));
    expect_closed(cache.get_or_load("key"));
    expect_closed(cache.put("key", "value"));
    expect_closed(cache.invalidate("key"));
    expect_closed(cache.clear());
    expect_closed(cache.prime({"key"}));
    expect_closed(cache.prime_from("redis"));
    for (const auto& each : cache.get_many(keys))
        EXPECT_FALSE(each);
    for (const auto& each : cache.get_or_load_many(keys))
        expect_closed(each);
    for (const auto& each : cache.put_many({{"a", "1"}, {"b", "2"}}))
        expect_closed(each);
    for (const auto& each : cache.invalidate_many(keys))
        expect_closed(each);
    EXPECT_TRUE(cache.close()) << "closing twice";
    EXPECT_EQ(cache.stats().memory.entries, 0U);
    EXPECT_EQ(source_calls, 0);
    EXPECT_EQ(*kept, "value");
}

TEST_F(TwoServers, closing_under_load_gives_every_caller_a_value_or_closed) {
    auto options = texts(both());
    options.loader = [](const std::string& key) { return "of " + key; };
    const auto cache = made(std::move(options));
    std::atomic<int> served{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int t = 0; t < 4; ++t) {
        callers.emplace_back([&, t] {
            for (int i = 0;; ++i) {
                const auto key = std::to_string(t) + ":" + std::to_string(i % 50);
                const auto found = cache.get_or_load(key, {.skip = i % 2 == 0 ? Skip() : Skip::memory()});
                if (!found) {
                    if (found.error() != Errc::closed) ++wrong;
                    break;
                }
                if (**found != "of " + key) ++wrong;
                ++served;
                if (i % 7 == 0) (void)cache.put(key, "of " + key);
            }
        });
    }
    EXPECT_TRUE(wait_until([&] { return served > 200; }));
    EXPECT_TRUE(cache.close());
    for (auto& caller : callers)
        caller.join();
    EXPECT_EQ(wrong, 0);
}

} // namespace
} // namespace tiercel::test
