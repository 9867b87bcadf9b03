// Promises 2, 7, 9, 13: loads are shared, bounded, and not needed for a hit.
#include "scripted.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tiercel::testing::chain {
namespace {

TEST(Promise2, a_thousand_threads_share_one_load) {
    constexpr std::uint64_t threads = 1'000;
    std::atomic<int> loads = 0;
    std::atomic<bool> go = false;
    Cache<int, int>::Options options;
    options.name = "threads";
    options.timeouts.call = 1min;
    options.timeouts.source = 1min;
    options.loader = [&](const int& key) {
        ++loads;
        while (!go)
            std::this_thread::yield();
        return key + 1;
    };
    const auto cache = Cache<int, int>::create(std::move(options)).value();
    std::atomic<int> right = 0;
    std::vector<std::thread> all;
    for (std::uint64_t i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            const auto value = cache.get_or_load(41);
            if (value && **value == 42) ++right;
        });
    }
    while (cache.stats().pressure.waiters < threads)
        std::this_thread::yield();
    go = true;
    for (auto& thread : all)
        thread.join();
    EXPECT_EQ(loads, 1);
    EXPECT_EQ(right, 1'000);
    EXPECT_EQ(cache.stats().source.joined, threads - 1);
}

TEST(Promise2, a_thousand_asynchronous_callers_share_one_load) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v";
    h.source.gate.shut();
    Caught<Harness::Read> caught;
    for (int i = 0; i < 1'000; ++i)
        cache.async_get_or_load("k", {}, h.into(caught));
    h.idle();
    EXPECT_EQ(cache.stats().pressure.waiters, 1'000u);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(caught.calls, 1'000);
    EXPECT_EQ(h.source.loads, 1);
    EXPECT_EQ(cache.stats().pressure.waiters, 0u);
    EXPECT_EQ(cache.stats().pressure.flights, 0u);
}

TEST(Promise2, batches_and_single_calls_overlap_key_by_key) {
    Harness h;
    const auto cache = Harness::make(h.options());
    for (const auto* key : {"a", "b", "c"})
        h.source.rows[key] = key;
    h.source.gate.shut();
    Caught<std::vector<Harness::Read>> ab, bc;
    Caught<Harness::Read> c;
    cache.async_get_or_load_many({"a", "b", "a"}, {}, h.into(ab));
    cache.async_get_or_load_many({"b", "c"}, {}, h.into(bc));
    cache.async_get_or_load("c", {}, h.into(c));
    h.idle();
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(h.source.loads, 3);
    ASSERT_EQ(ab.value->size(), 3u);
    EXPECT_EQ(text(ab.value->at(0)), "a");
    EXPECT_EQ(text(ab.value->at(1)), "b");
    EXPECT_EQ(text(ab.value->at(2)), "a");
    EXPECT_EQ(text(bc.value->at(0)), "b");
    EXPECT_EQ(text(bc.value->at(1)), "c");
    EXPECT_EQ(text(*c.value), "c");
}

TEST(Promise2, a_failure_is_shared_once_by_all_who_waited) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.failure = Error(Errc::loader_failed, "down");
    h.source.gate.shut();
    Caught<Harness::Read> caught;
    for (int i = 0; i < 100; ++i)
        cache.async_get_or_load("k", {}, h.into(caught));
    h.idle();
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(caught.calls, 100);
    EXPECT_EQ(caught.value->error(), Errc::loader_failed);
    EXPECT_EQ(h.source.loads, 1);
}

TEST(Promise2, a_load_on_the_callers_thread_is_shared_too) {
    std::atomic<int> loads = 0;
    std::atomic<bool> go = false;
    std::thread::id ran_on;
    Cache<int, int>::Options options;
    options.name = "caller";
    options.loading.run_on = RunOn::caller;
    options.timeouts.call = 1min;
    options.loader = [&](const int& key) {
        ++loads;
        ran_on = std::this_thread::get_id();
        while (!go)
            std::this_thread::yield();
        return key;
    };
    const auto cache = Cache<int, int>::create(std::move(options)).value();
    std::thread first([&] { EXPECT_TRUE(cache.get_or_load(1)); });
    const auto first_id = first.get_id();
    while (cache.stats().pressure.waiters < 1)
        std::this_thread::yield();
    std::thread second([&] { EXPECT_TRUE(cache.get_or_load(1)); });
    while (cache.stats().pressure.waiters < 2)
        std::this_thread::yield();
    go = true;
    first.join();
    second.join();
    EXPECT_EQ(loads, 1);
    EXPECT_EQ(ran_on, first_id);
}

TEST(Promise2, a_call_that_timed_out_before_it_began_is_not_begun) {
    Harness h;
    auto options = h.memory_only();
    options.loading.max_concurrent = 1;
    options.timeouts.source = 1s;
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    Caught<Harness::Read> first, second;
    cache.async_get_or_load("a", {}, h.into(first));
    cache.async_get_or_load("b", {}, h.into(second));
    h.runtime->advance(2s);
    EXPECT_EQ(first.value->error(), Errc::timeout);
    EXPECT_EQ(second.value->error(), Errc::timeout);
    EXPECT_EQ(h.source.loads, 1);
    EXPECT_EQ(cache.stats().pressure.source_calls, 0u);
}

TEST(Promise2, a_source_timeout_that_passes_at_once_loses_no_place) {
    Cache<int, int>::Options options;
    options.name = "impatient";
    options.timeouts.source = 1ns;
    options.loading.max_concurrent = 1;
    options.loader = [](const int& key) { return key; };
    const auto cache = Cache<int, int>::create(std::move(options)).value();
    for (int i = 0; i < 500; ++i)
        (void)cache.get_or_load(i);
    while (cache.stats().pressure.source_calls + cache.stats().pressure.source_queue != 0)
        std::this_thread::yield();
    SUCCEED() << "a lost place would have hung the loop above";
}

TEST(Promise2, a_loader_that_asks_for_its_own_key_is_told_so) {
    Harness h;
    auto options = h.memory_only();
    const Harness::C* self = nullptr;
    options.loader = [&](const std::string& key) -> Result<std::string> {
        auto again = self->get_or_load(key);
        if (!again) return again.error();
        return **again;
    };
    const auto cache = Harness::make(std::move(options));
    self = &cache;
    EXPECT_EQ(text(cache.get_or_load("k")), "recursive_load");
}

TEST(Promise7, a_hit_touches_no_backend_and_no_loader) {
    Harness h;
    const auto cache = Harness::make(h.options());
    ASSERT_TRUE(cache.put("k", "v"));
    h.idle();
    const auto puts = h.backend->put.calls;
    h.backend->throws_all();
    for (int i = 0; i < 1'000; ++i) {
        ASSERT_EQ(text(cache.get("k")), "v");
        ASSERT_EQ(text(cache.get_or_load("k")), "v");
    }
    const auto many = cache.get_many(std::vector<std::string>{"k", "k"});
    EXPECT_EQ(text(many.at(1)), "v");
    EXPECT_EQ(h.backend->get.calls, 0);
    EXPECT_EQ(h.backend->put.calls, puts);
    EXPECT_EQ(h.source.loads, 0);
}

TEST(Promise7, a_batch_is_one_call_to_the_tier_and_one_to_the_loader) {
    Harness h;
    auto options = h.options();
    int calls = 0;
    options.loader = [&](std::span<const std::string> keys) {
        ++calls;
        return std::vector<std::string>(keys.begin(), keys.end());
    };
    const auto cache = Harness::make(std::move(options));
    std::vector<std::string> keys;
    for (int i = 0; i < 100; ++i)
        keys.push_back(std::to_string(i));
    const auto values = cache.get_or_load_many(keys);
    h.idle();
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(text(values.at(static_cast<std::size_t>(i))), std::to_string(i));
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(h.backend->get.calls, 1);
    EXPECT_EQ(h.backend->put.calls, 1);
}

TEST(Promise9, one_caller_giving_up_harms_no_other) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v";
    h.source.gate.shut();
    asio::cancellation_signal give_up;
    Caught<Harness::Read> cancelled, patient, hasty;
    cache.async_get_or_load("k", {}, asio::bind_cancellation_slot(give_up.slot(), h.into(cancelled)));
    cache.async_get_or_load("k", {}, h.into(patient));
    cache.async_get_or_load("k", within(1s), h.into(hasty));
    h.idle();
    give_up.emit(asio::cancellation_type::terminal);
    h.runtime->advance(1s);
    EXPECT_EQ(text(*cancelled.value), "cancelled");
    EXPECT_EQ(text(*hasty.value), "timeout");
    EXPECT_EQ(patient.calls, 0);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(text(*patient.value), "v");
    EXPECT_EQ(cancelled.calls + patient.calls + hasty.calls, 3);
    EXPECT_EQ(h.source.loads, 1);
}

TEST(Promise9, each_key_of_a_batch_has_an_answer_of_its_own) {
    Harness h;
    auto options = h.memory_only();
    options.loader = [](std::span<const std::string> keys) {
        std::vector<Result<std::string>> values;
        for (const auto& key : keys) {
            if (key == "bad")
                values.emplace_back(Error(Errc::loader_failed, "bad"));
            else
                values.emplace_back(key);
        }
        return values;
    };
    const auto cache = Harness::make(std::move(options));
    const auto values = cache.get_or_load_many(std::vector<std::string>{"a", "bad", "b"});
    EXPECT_EQ(text(values.at(0)), "a");
    EXPECT_EQ(text(values.at(1)), "loader_failed");
    EXPECT_EQ(text(values.at(2)), "b");
}

TEST(Promise13, loads_beyond_the_bounds_are_refused_and_the_bounds_are_exported) {
    Harness h;
    auto options = h.memory_only();
    options.loading.max_concurrent = 1;
    options.loading.max_waiting = 1;
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    Caught<Harness::Read> a, b, c;
    cache.async_get_or_load("a", {}, h.into(a));
    cache.async_get_or_load("b", {}, h.into(b));
    cache.async_get_or_load("c", {}, h.into(c));
    h.idle();
    EXPECT_EQ(a.calls + b.calls, 0);
    EXPECT_EQ(text(*c.value), "overloaded");
    const auto pressure = cache.stats().pressure;
    EXPECT_EQ(pressure.source_calls, 1u);
    EXPECT_EQ(pressure.max_source_calls, 1u);
    EXPECT_EQ(pressure.source_queue, 1u);
    EXPECT_EQ(pressure.max_source_queue, 1u);
    EXPECT_EQ(pressure.flights, 2u);
    h.source.gate.open();
    h.idle();
    EXPECT_EQ(a.calls + b.calls, 2);
    EXPECT_EQ(cache.stats().pressure.source_calls, 0u);
}

TEST(Promise13, waiters_are_bounded) {
    Harness h;
    auto options = h.memory_only();
    options.loading.max_waiters = 2;
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    Caught<Harness::Read> first, second, third;
    cache.async_get_or_load("k", {}, h.into(first));
    cache.async_get_or_load("k", {}, h.into(second));
    cache.async_get_or_load("k", {}, h.into(third));
    h.idle();
    EXPECT_EQ(text(*third.value), "overloaded");
    EXPECT_EQ(cache.stats().pressure.waiters, 2u);
    EXPECT_EQ(cache.stats().pressure.max_waiters, 2u);
}

TEST(Promise13, writes_that_wait_for_their_key_are_bounded) {
    Harness h;
    auto options = h.memory_only();
    options.writer = h.source.writer();
    options.loading.max_waiting = 2;
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    std::array<Caught<Result<WriteReport>>, 4> puts;
    for (auto& put : puts)
        cache.async_put("k", "v", {}, h.into(put));
    h.idle();
    ASSERT_EQ(puts[3].calls, 1);
    EXPECT_EQ(puts[3].value->error(), Errc::overloaded);
    EXPECT_EQ(cache.stats().pressure.source_queue, 2u);
    h.source.gate.open();
    h.idle();
    for (auto& put : puts)
        EXPECT_EQ(put.calls, 1);
    EXPECT_EQ(h.source.writes, 3);
    EXPECT_EQ(h.source.most_writing, 1);
}

TEST(Tokens, a_coroutine_a_future_and_a_callback_get_the_same) {
    Harness h;
    const auto cache = Harness::make(h.options());
    h.source.rows["k"] = "v";
    auto future = cache.async_get_or_load("k", {}, asio::use_future);
    Caught<Harness::Read> callback;
    cache.async_get_or_load("k", {}, h.into(callback));
    std::string plain, with_token;
    asio::co_spawn(
        h.runtime->executor(),
        [&]() -> asio::awaitable<void> {
            auto first = co_await cache.async_get_or_load("k");
            plain = text(first);
            auto second = co_await cache.async_get("k", {}, asio::use_awaitable);
            with_token = text(second);
        },
        asio::detached);
    h.idle();
    EXPECT_EQ(plain, "v");
    EXPECT_EQ(with_token, "v");
    EXPECT_EQ(text(*callback.value), "v");
    EXPECT_EQ(text(future.get()), "v");
}

TEST(Tokens, a_loop_whose_handler_is_awaited_does_not_run_dry) {
    Harness h;
    const auto cache = Harness::make(h.memory_only());
    h.source.rows["k"] = "v";
    h.source.gate.shut();
    asio::io_context loop;
    std::string got;
    cache.async_get_or_load("k", {}, asio::bind_executor(loop, [&](Harness::Read value) { got = text(value); }));
    h.idle();
    EXPECT_EQ(loop.poll(), 0u);
    EXPECT_FALSE(loop.stopped());
    h.source.gate.open();
    h.idle();
    loop.run();
    EXPECT_EQ(got, "v");
}

TEST(Tokens, a_blocking_call_on_the_event_loop_would_block) {
    Harness h;
    const auto cache = Harness::make(h.options());
    std::string miss, hit;
    ASSERT_TRUE(cache.put("there", "v"));
    asio::post(h.runtime->executor(), [&] {
        miss = text(cache.get_or_load("k"));
        hit = text(cache.get_or_load("there"));
    });
    h.idle();
    EXPECT_EQ(miss, "would_block");
    EXPECT_EQ(hit, "v");
}

} // namespace
} // namespace tiercel::testing::chain
