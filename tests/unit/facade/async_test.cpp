#include <tiercel/async.hpp>
#include <tiercel/memory_backend.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiercel {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;

using Texts = Cache<int, std::string>;
using Text = Handle<std::string>;

std::string text(int key) {
    return "of " + std::to_string(key);
}

/// Suspends once, as real work does.
asio::awaitable<void> some_work() {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

Texts made(Loader<int, std::string> loader, Writer<int, std::string> writer = {}) {
    Texts::Options options;
    options.name = "texts";
    options.tiers = {{.backend = memory_backend::create()}};
    options.loader = std::move(loader);
    options.writer = std::move(writer);
    return Texts::create(std::move(options)).value();
}

/// Runs a coroutine on a loop that is not the cache's.
template <class T>
T run(asio::awaitable<T> work) {
    asio::io_context loop;
    auto result = asio::co_spawn(loop, std::move(work), asio::use_future);
    loop.run();
    return result.get();
}

void expect_loads_even_keys(const Texts& cache) {
    const auto one = cache.get_or_load(2);
    ASSERT_TRUE(one) << one.error().message();
    EXPECT_EQ(**one, "of 2");
    const std::vector<int> keys{4, 6, 4};
    for (const auto& each : cache.get_or_load_many(keys))
        EXPECT_TRUE(each);
    EXPECT_EQ(*cache.get(6), "of 6");
}

TEST(CoroutineLoader, of_one_key_may_suspend) {
    const auto cache = made([](int key) -> asio::awaitable<std::string> {
        co_await some_work();
        co_return text(key);
    });
    expect_loads_even_keys(cache);
}

TEST(CoroutineLoader, of_one_key_may_give_what_a_function_may) {
    const auto optional = made([](int key) -> asio::awaitable<Result<std::optional<std::string>>> {
        co_await some_work();
        if (key < 0) co_return Error(Errc::loader_failed, "negative");
        if (key % 2) co_return std::optional<std::string>();
        co_return std::optional(text(key));
    });
    expect_loads_even_keys(optional);
    EXPECT_TRUE(optional.get_or_load(3)->known_absent());
    EXPECT_FALSE(optional.get_or_load(-1));
    const auto loaded = made([](int key, const LoadContext&) -> asio::awaitable<Loaded<std::string>> {
        co_await some_work();
        co_return Loaded<std::string>{.value = text(key), .cacheable = key % 2 == 0};
    });
    expect_loads_even_keys(loaded);
    EXPECT_EQ(**loaded.get_or_load(3), "of 3");
    EXPECT_FALSE(loaded.get(3));
}

TEST(CoroutineLoader, of_one_key_may_throw_before_and_after_it_suspends) {
    const auto cache = made([](int key) -> asio::awaitable<std::string> {
        if (key == 1) throw std::runtime_error("at once");
        co_await some_work();
        throw std::runtime_error("later");
    });
    for (const auto& [key, words] : {std::pair(1, "at once"), std::pair(2, "later")}) {
        const auto failed = cache.get_or_load(key);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error(), Errc::loader_failed);
        EXPECT_THAT(failed.error().message(), HasSubstr(words));
    }
}

TEST(CoroutineLoader, of_many_keys_is_called_once) {
    std::atomic<int> calls{0};
    const auto cache = made([&](std::span<const int> keys) -> asio::awaitable<std::vector<std::string>> {
        ++calls;
        co_await some_work();
        std::vector<std::string> values;
        for (const int key : keys)
            values.push_back(text(key));
        co_return values;
    });
    const std::vector<int> keys{1, 2, 3};
    for (const auto& each : cache.get_or_load_many(keys))
        EXPECT_TRUE(each);
    EXPECT_EQ(calls, 1);
    expect_loads_even_keys(cache);
}

TEST(CoroutineLoader, of_many_keys_may_fail_and_throw_and_miscount) {
    const auto cache = made([](std::span<const int> keys) -> asio::awaitable<Result<std::vector<std::string>>> {
        const int first = keys.front();
        co_await some_work();
        if (first == 1) co_return Error(Errc::loader_failed, "down");
        if (first == 2) throw std::runtime_error("thrown");
        co_return std::vector<std::string>();
    });
    for (const auto& [key, words] :
         {std::pair(1, "down"), std::pair(2, "the loader threw: thrown"), std::pair(3, "gave 0 results for 1 keys")}) {
        const auto failed = cache.get_or_load(key);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error(), Errc::loader_failed);
        EXPECT_THAT(failed.error().message(), HasSubstr(words));
    }
}

TEST(CoroutineWriter, of_one_may_give_a_result_or_nothing_and_may_throw) {
    const auto with_result = made({}, [](int key, const std::string&) -> asio::awaitable<Result<void>> {
        co_await some_work();
        if (key % 2) co_return Error(Errc::writer_failed, "odd");
        co_return Result<void>();
    });
    EXPECT_TRUE(with_result.put(2, "two"));
    EXPECT_EQ(*with_result.get(2), "two");
    EXPECT_FALSE(with_result.put(3, "three"));

    const auto throwing = made({}, [](int key, const std::string&) -> asio::awaitable<void> {
        co_await some_work();
        if (key % 2) throw std::runtime_error("odd");
    });
    EXPECT_TRUE(throwing.put(2, "two"));
    EXPECT_EQ(*throwing.get(2), "two");
    const auto failed = throwing.put(3, "three");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), Errc::writer_failed);
    EXPECT_THAT(failed.error().message(), HasSubstr("the writer threw: odd"));
}

TEST(CoroutineWriter, of_many_settles_each) {
    using Writes = std::span<const Write<int, std::string>>;
    const auto cache = made({}, [](Writes writes) -> asio::awaitable<std::vector<Result<void>>> {
        std::vector<Result<void>> results;
        for (const auto& write : writes) {
            if (write.key % 2) {
                results.emplace_back(Error(Errc::writer_failed, "odd"));
            } else {
                results.emplace_back();
            }
        }
        co_await some_work();
        co_return results;
    });
    const auto reports = cache.put_many({{1, "one"}, {2, "two"}});
    EXPECT_FALSE(reports[0]);
    EXPECT_TRUE(reports[1]);
}

TEST(CoroutineWriter, of_one_keeps_the_order_of_several_writes_of_one_key_in_a_batch) {
    std::string last;
    const auto cache = made({}, [&](int, const std::string& value) -> asio::awaitable<void> {
        if (value.back() == 'a') {
            for (int i = 0; i < 10; ++i)
                co_await some_work();
        }
        last = value;
    });
    for (const auto& report : cache.put_many({{1, "a"}, {1, "b"}, {1, "c"}}))
        EXPECT_TRUE(report);
    EXPECT_EQ(last, "c");
    EXPECT_EQ(*cache.get(1), "c");
}

TEST(AsyncForms, of_every_call_work_from_a_coroutine_on_a_foreign_loop) {
    const auto cache = made([](int key) { return text(key); });
    run([](const Texts& texts) -> asio::awaitable<int> {
        const auto miss = co_await texts.async_get(1);
        EXPECT_TRUE(miss.has_value() && !*miss);
        const auto loaded = co_await texts.async_get_or_load(1);
        EXPECT_EQ(**loaded, "of 1");
        const auto hit = co_await texts.async_get(1);
        EXPECT_EQ(hit->source().kind, Source::Kind::memory);
        Loader<int, std::string> own([](int) { return std::string("own"); });
        const auto by_own = co_await texts.async_get_or_load(2, own);
        EXPECT_EQ(**by_own, "own");
        std::vector<int> keys{1, 2, 3};
        const auto found = co_await texts.async_get_many(keys);
        EXPECT_TRUE(*found[0] && *found[1] && !*found[2]);
        const auto all = co_await texts.async_get_or_load_many(keys);
        EXPECT_EQ(**all[2], "of 3");
        const auto put = co_await texts.async_put(4, "four");
        EXPECT_TRUE(put->complete());
        std::vector<std::pair<int, std::string>> items{{5, "five"}, {6, "six"}};
        const auto puts = co_await texts.async_put_many(items);
        EXPECT_EQ(puts.size(), 2U);
        const auto gone = co_await texts.async_invalidate(4);
        EXPECT_TRUE(gone->in_memory);
        std::vector<int> five_six{5, 6};
        const auto both_gone = co_await texts.async_invalidate_many(five_six);
        EXPECT_EQ(both_gone.size(), 2U);
        const auto primed = co_await texts.async_prime(keys);
        EXPECT_EQ(primed->counts.fresh, 3U);
        const auto cleared = co_await texts.async_clear();
        EXPECT_TRUE(cleared->complete());
        const auto closed = co_await texts.async_close();
        EXPECT_TRUE(closed.has_value());
        const auto after = co_await texts.async_get(1);
        EXPECT_EQ(after.error(), Errc::closed);
        co_return 0;
    }(cache));
}

TEST(AsyncForms, take_completion_tokens) {
    const auto cache = made([](int key) { return text(key); });
    auto future = cache.async_get_or_load(1, CallOptions(), asio::use_future);
    EXPECT_EQ(**future.get(), "of 1");

    asio::io_context loop;
    std::vector<std::string> told;
    cache.async_get_or_load(2, CallOptions(), asio::bind_executor(loop, [&](const Result<Text>& found) {
                                EXPECT_TRUE(loop.get_executor().running_in_this_thread());
                                told.push_back(**found);
                            }));
    const auto keep = asio::make_work_guard(loop);
    loop.run_one();
    EXPECT_EQ(told, std::vector<std::string>{"of 2"});
    EXPECT_TRUE(cache.async_close(asio::use_future).get());
}

TEST(AsyncForms, join_one_load_with_blocking_and_batch_callers) {
    std::promise<void> gate;
    const auto opened = gate.get_future().share();
    std::atomic<int> loads{0};
    const auto cache = made([&](int key) {
        ++loads;
        opened.wait();
        return text(key);
    });
    auto first = cache.async_get_or_load(1, CallOptions(), asio::use_future);
    auto second = std::async(std::launch::async, [&] { return cache.get_or_load(1); });
    auto third = cache.async_get_or_load_many(std::vector<int>{1, 1}, CallOptions(), asio::use_future);
    while (cache.stats().source.joined < 3)
        std::this_thread::yield();
    gate.set_value();
    EXPECT_EQ(**first.get(), "of 1");
    EXPECT_EQ(**second.get(), "of 1");
    for (const auto& each : third.get())
        EXPECT_EQ(**each, "of 1");
    EXPECT_EQ(loads, 1);
}

TEST(AsyncForms, outlive_the_cache_that_they_were_called_on) {
    std::promise<void> gate;
    const auto opened = gate.get_future().share();
    std::future<Result<Text>> waiting;
    {
        Texts::Options options;
        options.name = "texts";
        options.timeouts.close = std::chrono::milliseconds(20);
        options.loader = [opened](int key) {
            opened.wait();
            return text(key);
        };
        const auto cache = Texts::create(std::move(options)).value();
        waiting = cache.async_get_or_load(1, CallOptions(), asio::use_future);
    }
    const auto answer = waiting.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), Errc::closed);
    gate.set_value();
}

} // namespace
} // namespace tiercel
