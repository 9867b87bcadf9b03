#include "scripted_client.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>

namespace {

using namespace std::chrono_literals;
using namespace tiercel;
using spi::Backend;
using spi::CallContext;
using spi::Lookup;
using test::ScriptedClient;
namespace asio = boost::asio;
using Keys = std::vector<BytesView>;

CallContext by(std::chrono::milliseconds from_now) {
    return {.deadline = std::chrono::steady_clock::now() + from_now};
}
constexpr auto plenty = 60s;
constexpr auto little = 20ms;

struct BlockingBackend : testing::Test {
    std::shared_ptr<ScriptedClient> client = std::make_shared<ScriptedClient>();
    std::shared_ptr<Backend> backend;
    asio::io_context io;

    void start(spi::BlockingOptions options = {}) {
        auto made = spi::make_blocking_backend(client, options);
        ASSERT_TRUE(made) << made.error().message();
        backend = *made;
    }
    void TearDown() override { client->gate.open(); }

    /// Runs one call to its end on the test's own thread.
    template <class T>
    T run(asio::awaitable<T> call) {
        auto future = asio::co_spawn(io, std::move(call), asio::use_future);
        io.restart();
        io.run();
        return future.get();
    }
    /// Starts a get whose result arrives in `result` when `io` runs.
    void get_later(Keys keys, CallContext call, std::vector<Lookup>& result) {
        asio::co_spawn(io, get_into(backend, std::move(keys), call, result), asio::detached);
        io.restart();
        io.poll();
    }
    static asio::awaitable<void> get_into(std::shared_ptr<Backend> from, Keys keys, CallContext call,
                                          std::vector<Lookup>& result) {
        auto found = from->get_many(keys, call);
        result = co_await std::move(found);
    }
};

TEST_F(BlockingBackend, every_operation_reaches_the_client) {
    start();
    const std::vector<spi::PutItem> items = {{.key = "a", .value = "1", .ttl = {}},
                                             {.key = "b", .value = "2", .ttl = {}}};
    for (const auto& put : run(backend->put_many(items, by(plenty))))
        EXPECT_TRUE(put);
    const Keys keys = {"b", "none", "a"};
    const auto found = run(backend->get_many(keys, by(plenty)));
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].value()->value, "2");
    EXPECT_FALSE(found[1].value());
    EXPECT_EQ(found[2].value()->value, "1");
    EXPECT_TRUE(run(backend->touch_many(keys, 5ms, by(plenty)))[2].value());
    const auto erased = run(backend->erase_many(keys, by(plenty)));
    EXPECT_TRUE(erased[0].value());
    EXPECT_FALSE(erased[1].value());
    EXPECT_TRUE(run(backend->ping(by(plenty))));
    EXPECT_EQ(backend->name(), "scripted");
    EXPECT_EQ(backend->capabilities().max_key_bytes, 7u);
}

TEST_F(BlockingBackend, an_empty_batch_asks_nobody) {
    start();
    EXPECT_TRUE(run(backend->get_many({}, by(plenty))).empty());
    EXPECT_EQ(client->calls, 0);
}

TEST_F(BlockingBackend, what_a_client_does_not_offer_is_unsupported) {
    start();
    EXPECT_EQ(run(backend->put_if_absent({.key = "a", .value = "1", .ttl = {}}, by(plenty))).error(),
              Errc::unsupported);
    EXPECT_EQ(run(backend->put_if_version({.key = "a", .value = "1", .ttl = {}}, spi::Version{1}, by(plenty))).error(),
              Errc::unsupported);
    EXPECT_EQ(run(backend->scan("a", "", by(plenty))).error(), Errc::unsupported);
}

TEST_F(BlockingBackend, a_deadline_without_end_is_a_deadline) {
    start();
    const Keys keys = {"a"};
    EXPECT_TRUE(run(backend->get_many(keys, {.deadline = SteadyTime::max()}))[0]);
}

TEST_F(BlockingBackend, a_call_returns_by_its_deadline_while_its_thread_is_stuck) {
    start();
    const Keys keys = {"stuck"};
    EXPECT_EQ(run(backend->get_many(keys, by(little)))[0].error(), Errc::timeout);
}

TEST_F(BlockingBackend, a_call_returns_by_its_deadline_while_all_threads_are_stuck_and_is_never_made) {
    start({.threads = 2});
    std::vector<Lookup> first;
    std::vector<Lookup> second;
    get_later({"s"}, by(plenty), first);
    get_later({"s"}, by(plenty), second);
    client->gate.wait_for_arrivals(2);

    std::vector<Lookup> late;
    asio::co_spawn(io, get_into(backend, {"late"}, by(little), late), asio::detached);
    io.restart();
    while (late.empty())
        io.run_one();
    EXPECT_EQ(late[0].error(), Errc::timeout);
    EXPECT_THAT(late[0].error().message(), testing::HasSubstr("nothing was sent"));

    client->gate.open();
    io.run();
    EXPECT_TRUE(first[0]);
    EXPECT_TRUE(second[0]);
    const Keys another = {"a"};
    EXPECT_TRUE(run(backend->get_many(another, by(plenty)))[0]); // the queue has gone past the late call's place
    EXPECT_EQ(client->calls, 3);
}

TEST_F(BlockingBackend, a_stuck_call_does_not_look_at_its_callers_memory_after_the_deadline) {
    start({.threads = 1});
    {
        const auto key = std::make_unique<Bytes>("stuck");
        const auto value = std::make_unique<Bytes>(1'000, 'v');
        const std::vector<spi::PutItem> items = {{.key = *key, .value = *value, .ttl = {}}};
        while (client->calls == 0) // until a thread was free in time and is stuck in the call
            EXPECT_EQ(run(backend->put_many(items, by(little)))[0].error(), Errc::timeout);
    }
    client->gate.open();
    const Keys keys = {"a"};
    EXPECT_TRUE(run(backend->get_many(keys, by(plenty)))[0]); // one thread: the write has come to its end
    EXPECT_EQ(client->values().at("stuck"), Bytes(1'000, 'v'));
}

TEST_F(BlockingBackend, calls_beyond_the_queue_are_refused_at_once) {
    start({.threads = 1, .max_queued = 2});
    std::vector<Lookup> running;
    std::vector<Lookup> first;
    std::vector<Lookup> second;
    get_later({"s"}, by(plenty), running);
    client->gate.wait_for_arrivals(1);
    get_later({"a"}, by(plenty), first);
    get_later({"b"}, by(plenty), second);

    std::vector<Lookup> refused;
    asio::co_spawn(io, get_into(backend, {"c"}, by(plenty), refused), asio::detached);
    io.restart();
    while (refused.empty())
        io.run_one();
    EXPECT_EQ(refused[0].error(), Errc::overloaded);
    EXPECT_THAT(refused[0].error().message(), testing::HasSubstr("max_queued"));

    client->gate.open();
    io.run();
    EXPECT_TRUE(running[0]);
    EXPECT_TRUE(first[0]);
    EXPECT_TRUE(second[0]);
}

TEST_F(BlockingBackend, a_late_call_gives_its_place_in_the_queue_back) {
    start({.threads = 1, .max_queued = 1});
    std::vector<Lookup> running;
    get_later({"s"}, by(plenty), running);
    client->gate.wait_for_arrivals(1);
    for (int i = 0; i < 3; ++i) {
        std::vector<Lookup> late;
        asio::co_spawn(io, get_into(backend, {"late"}, by(little), late), asio::detached);
        io.restart();
        while (late.empty())
            io.run_one();
        EXPECT_EQ(late[0].error(), Errc::timeout);
    }
    client->gate.open();
    io.run();
}

TEST_F(BlockingBackend, lanes_fail_apart) {
    start();
    const Keys keys = {"a1", "stuck2", "b1", "throw3"};
    const auto found = run(backend->get_many(keys, by(2s)));
    EXPECT_TRUE(found[0]);
    EXPECT_EQ(found[1].error(), Errc::timeout);
    EXPECT_TRUE(found[2]);
    EXPECT_EQ(found[3].error(), Errc::server_error);
    EXPECT_EQ(client->calls, 3);
}

TEST_F(BlockingBackend, an_exception_of_the_client_is_a_server_error_of_every_key) {
    start();
    const Keys keys = {"throw", "a"};
    for (const auto& found : run(backend->get_many(keys, by(plenty)))) {
        EXPECT_EQ(found.error(), Errc::server_error);
        EXPECT_THAT(found.error().message(), testing::HasSubstr("scripted failure"));
    }
    const Keys others = {"a"};
    EXPECT_TRUE(run(backend->get_many(others, by(plenty)))[0]);
}

TEST_F(BlockingBackend, a_wrong_number_of_results_is_a_server_error) {
    start();
    const Keys keys = {"wrong", "a"};
    for (const auto& found : run(backend->get_many(keys, by(plenty))))
        EXPECT_EQ(found.error(), Errc::server_error);
}

TEST_F(BlockingBackend, close_fails_what_waits_and_lets_what_runs_finish) {
    start({.threads = 1});
    std::vector<Lookup> running;
    std::vector<Lookup> waiting;
    get_later({"s"}, by(plenty), running);
    client->gate.wait_for_arrivals(1);
    get_later({"a"}, by(plenty), waiting);

    backend->close();
    backend->close();
    io.restart();
    while (waiting.empty())
        io.run_one();
    EXPECT_EQ(waiting[0].error(), Errc::closed);
    EXPECT_TRUE(running.empty());

    client->gate.open();
    io.run();
    EXPECT_TRUE(running[0]);
    const Keys keys = {"a"};
    EXPECT_EQ(run(backend->get_many(keys, by(plenty)))[0].error(), Errc::closed);
    EXPECT_EQ(client->calls, 1);
}

TEST_F(BlockingBackend, destruction_waits_for_a_call_that_outlived_its_caller) {
    start({.threads = 1});
    const Keys keys = {"stuck"};
    while (client->calls == 0)
        EXPECT_EQ(run(backend->get_many(keys, by(little)))[0].error(), Errc::timeout);
    std::thread destroyer([this] { backend.reset(); });
    client->gate.open();
    destroyer.join();
    EXPECT_EQ(client.use_count(), 1); // no thread holds the client any more
}

TEST_F(BlockingBackend, an_answer_after_the_event_loop_is_gone_touches_nothing) {
    start({.threads = 1});
    {
        asio::io_context short_lived;
        std::vector<Lookup> never;
        asio::co_spawn(short_lived, get_into(backend, {"s"}, by(plenty), never), asio::detached);
        short_lived.poll();
        client->gate.wait_for_arrivals(1);
    }
    client->gate.open();
    const Keys keys = {"a"};
    EXPECT_TRUE(run(backend->get_many(keys, by(plenty)))[0]);
}

TEST_F(BlockingBackend, a_cancelled_caller_leaves_at_once_and_its_waiting_call_is_never_made) {
    start({.threads = 1});
    std::vector<Lookup> running;
    get_later({"s"}, by(plenty), running);
    client->gate.wait_for_arrivals(1);

    asio::cancellation_signal cancel;
    std::vector<Lookup> cancelled;
    asio::co_spawn(io, get_into(backend, {"a"}, by(plenty), cancelled),
                   asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    io.restart();
    io.poll();
    cancel.emit(asio::cancellation_type::terminal);
    while (cancelled.empty())
        io.run_one();
    EXPECT_EQ(cancelled[0].error(), Errc::cancelled);
    client->gate.open();
    io.run();
    EXPECT_EQ(client->calls, 1);
}

TEST_F(BlockingBackend, a_call_resumes_on_the_executor_it_came_from) {
    start();
    asio::thread_pool threads(3);
    const auto strand = asio::make_strand(threads.get_executor());
    auto calls = [](std::shared_ptr<Backend> of, decltype(strand) own) -> asio::awaitable<bool> {
        bool stayed = true;
        for (int i = 0; i < 200; ++i) {
            const Keys keys = {"a", "b1", "c2"};
            auto call = of->get_many(keys, by(plenty));
            const auto found = co_await std::move(call);
            stayed = stayed && found[2] && own.running_in_this_thread();
        }
        co_return stayed;
    };
    EXPECT_TRUE(asio::co_spawn(strand, calls(backend, strand), asio::use_future).get());
    threads.join();
}

TEST_F(BlockingBackend, many_callers_with_short_deadlines_get_their_own_results_or_a_timeout) {
    start({.threads = 3, .max_queued = 4});
    for (char c = 'a'; c <= 'h'; ++c) {
        const std::string key(1, c);
        const std::vector<spi::PutItem> items = {{.key = key, .value = key, .ttl = {}}};
        ASSERT_TRUE(run(backend->put_many(items, by(plenty)))[0]);
    }
    asio::thread_pool threads(4);
    std::atomic<int> wrong{0};
    auto calls = [&](char c) -> asio::awaitable<void> {
        const std::string key(1, c);
        for (int i = 0; i < 300; ++i) {
            const Keys keys = {key};
            auto call = backend->get_many(keys, {.deadline = std::chrono::steady_clock::now() + i % 5 * 10us});
            const auto found = co_await std::move(call);
            if (found[0] ? found[0].value()->value != key
                         : found[0].error() != Errc::timeout && found[0].error() != Errc::overloaded)
                ++wrong;
        }
    };
    for (char c = 'a'; c <= 'h'; ++c)
        asio::co_spawn(threads, calls(c), asio::detached);
    threads.join();
    EXPECT_EQ(wrong, 0);
}

TEST(MakeBlockingBackend, bad_options_are_named) {
    const auto client = std::make_shared<ScriptedClient>();
    const auto message = [](const auto& made) { return made ? std::string("no error") : made.error().message(); };
    EXPECT_THAT(message(spi::make_blocking_backend(nullptr)), testing::HasSubstr("client"));
    EXPECT_THAT(message(spi::make_blocking_backend(client, {.threads = 0})), testing::HasSubstr("threads"));
    EXPECT_THAT(message(spi::make_blocking_backend(client, {.max_queued = 0})), testing::HasSubstr("max_queued"));
}

} // namespace
