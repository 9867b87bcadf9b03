// Promise 15: close() is bounded, drains what it promised to drain, and nothing runs after it.
#include "scripted.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tiercel::testing::chain {
namespace {

TEST(Promise15, close_returns_in_time_over_a_load_that_never_does) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.gate.shut();
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    const auto began = h.runtime->now();
    const auto closed = cache.close();
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error(), Errc::timeout);
    EXPECT_EQ(h.runtime->now() - began, 5s);
    EXPECT_EQ(cache.stats().left_behind, 1u);
    h.idle();
    EXPECT_EQ(load.calls, 1);
    EXPECT_EQ(text(*load.value), "closed");
}

TEST(Promise15, close_drains_writes) {
    Harness h;
    auto options = h.options();
    options.writer = h.source.writer();
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    Caught<Result<WriteReport>> first, second;
    Caught<Result<void>> closed;
    cache.async_put("k", "1", {}, h.into(first));
    cache.async_put("k", "2", {}, h.into(second));
    h.idle();
    cache.async_close(h.into(closed));
    h.idle();
    EXPECT_EQ(first.calls + second.calls + closed.calls, 0);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(first.calls + second.calls + closed.calls, 3);
    EXPECT_TRUE(*first.value);
    EXPECT_TRUE(*second.value);
    EXPECT_TRUE(*closed.value);
    EXPECT_EQ(h.source.rows["k"], "2");
}

TEST(Promise15, neither_codec_listener_weigher_nor_loader_is_called_after_close) {
    Harness h;
    {
        const auto cache = Harness::make(h.options());
        ASSERT_TRUE(cache.put("in tier", "v"));
    }
    int calls = 0;
    auto options = h.options();
    options.timeouts.close = 0s;
    options.memory.max_weight = 1'000;
    options.memory.weigher = [&](const std::string&, const std::string&) -> std::uint64_t { return ++calls, 1; };
    options.memory.on_removal = [&](const std::string&, const Handle<std::string>&, RemovalCause) { ++calls; };
    options.loader = [&](const std::string&) -> std::string { return ++calls, "v"; };
    options.writer = [&](const std::string&, const std::string&) { ++calls; };
    const auto cache = Harness::make(std::move(options));
    h.backend->get.after.shut();
    Caught<Harness::Read> hit, load;
    Caught<Result<WriteReport>> put;
    cache.async_get("in tier", {}, h.into(hit));
    cache.async_get_or_load("elsewhere", {}, h.into(load));
    h.idle();
    cache.async_put("k", "v", {}, h.into(put)); // its writer has not begun
    (void)cache.close();
    const int before = calls;
    h.backend->open_all();
    h.runtime->advance(1h);
    EXPECT_EQ(calls, before);
    EXPECT_EQ(hit.calls + load.calls + put.calls, 3);
    EXPECT_EQ(text(*hit.value), "closed");
    EXPECT_EQ(text(*load.value), "closed");
    EXPECT_EQ(cache.stats().tiers.at(0).hits, 0u) << "nothing was decoded";
}

TEST(Promise15, every_operation_after_close_is_told_so) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "v"));
    ASSERT_TRUE(cache.close());
    EXPECT_TRUE(cache.close()) << "twice is fine";
    const std::vector<std::string> keys{"k"};
    EXPECT_FALSE(cache.get("k"));
    EXPECT_EQ(text(cache.try_get("k")), "closed");
    EXPECT_EQ(text(cache.get_or_load("k")), "closed");
    EXPECT_FALSE(cache.get_many(keys).at(0));
    EXPECT_EQ(text(cache.get_or_load_many(keys).at(0)), "closed");
    EXPECT_EQ(cache.put("k", "v").error(), Errc::closed);
    EXPECT_EQ(cache.put_many({{"k", "v"}}).at(0).error(), Errc::closed);
    EXPECT_EQ(cache.invalidate("k").error(), Errc::closed);
    EXPECT_EQ(cache.invalidate_many(keys).at(0).error(), Errc::closed);
    EXPECT_EQ(cache.clear().error(), Errc::closed);
    EXPECT_EQ(cache.prime(keys).error(), Errc::closed);
    EXPECT_EQ(cache.stats().name, "test");
    Caught<Result<void>> closed;
    cache.async_close(h.into(closed));
    h.idle();
    EXPECT_TRUE(*closed.value);
}

TEST(Promise15, close_ends_a_priming_that_waits_for_its_rate) {
    Harness h;
    const auto cache = Harness::make(h.options());
    PrimeOptions options;
    options.batch = 1;
    options.rate_per_second = 0.001;
    Caught<Result<PrimeReport>> primed;
    cache.async_prime({"a", "b", "c"}, options, h.into(primed));
    h.runtime->advance(1s);
    const auto began = h.runtime->now();
    EXPECT_TRUE(cache.close());
    EXPECT_EQ(h.runtime->now(), began);
    h.idle();
    ASSERT_EQ(primed.calls, 1);
    EXPECT_EQ((*primed.value)->end, PrimeReport::End::closed);
}

TEST(Promise15, destruction_answers_ten_thousand_operations_under_way) {
    Harness h;
    Caught<Harness::Read> reads;
    Caught<Result<WriteReport>> writes;
    {
        auto options = h.options();
        options.writer = h.source.writer();
        options.timeouts.call = 1min;
        const auto cache = Harness::make(std::move(options));
        h.source.gate.shut();
        for (int i = 0; i < 5'000; ++i) {
            cache.async_get_or_load(std::to_string(i), {}, h.into(reads));
            cache.async_put(std::to_string(i), "v", {}, h.into(writes));
        }
        h.idle();
    }
    h.idle();
    EXPECT_EQ(reads.calls, 5'000);
    EXPECT_EQ(writes.calls, 5'000);
    EXPECT_EQ(text(*reads.value), "closed");
    EXPECT_EQ(writes.value->error(), Errc::closed);
}

TEST(Promise15, destruction_on_real_threads_answers_ten_thousand_operations_under_way) {
    std::atomic<int> answers = 0;
    std::atomic<int> loads_after = 0;
    std::atomic<bool> closed = false;
    asio::io_context loop;
    {
        Cache<int, int>::Options options;
        options.name = "real";
        options.timeouts.close = 10s;
        options.loader = [&](const int& key) {
            if (closed) ++loads_after;
            return key;
        };
        options.memory.on_removal = [&](const int&, const Handle<int>&, RemovalCause) {
            if (closed) ++loads_after;
        };
        const auto cache = Cache<int, int>::create(std::move(options)).value();
        for (int i = 0; i < 10'000; ++i)
            cache.async_get_or_load(i, {}, asio::bind_executor(loop, [&](Result<Handle<int>>) { ++answers; }));
        (void)cache.close();
        closed = true;
    }
    loop.run();
    EXPECT_EQ(answers, 10'000);
    EXPECT_EQ(loads_after, 0);
}

TEST(Promise15, closing_from_many_threads_at_once_is_fine) {
    Cache<int, int>::Options options;
    options.name = "many";
    options.loader = [](const int& key) { return key; };
    const auto cache = Cache<int, int>::create(std::move(options)).value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i)
                (void)cache.get_or_load(i);
            if (t % 2 == 0) {
                EXPECT_TRUE(cache.close());
            }
            EXPECT_TRUE(t % 2 != 0 || cache.try_get(1).error() == Errc::closed);
        });
    }
    for (auto& thread : threads)
        thread.join();
}

TEST(Promise15, a_cache_closed_on_its_event_loop_does_not_wait_for_itself) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.gate.shut();
    Caught<Harness::Read> load;
    cache.async_get_or_load("k", {}, h.into(load));
    h.idle();
    std::optional<Result<void>> closed;
    asio::post(h.runtime->executor(), [&] { closed.emplace(cache.close()); });
    h.idle();
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->error(), Errc::timeout);
    EXPECT_EQ(text(*load.value), "closed");
}

} // namespace
} // namespace tiercel::testing::chain
