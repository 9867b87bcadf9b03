// Blocking and asynchronous calls that user code makes on a thread that is lent to another call.

#include <tiercel/async.hpp>
#include <tiercel/cache.hpp>
#include <tiercel/memory_backend.hpp>
#include <tiercel/spi/runtime.hpp>
#include <tiercel/spi/sync_wait.hpp>

#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <future>
#include <string>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Numbers = tiercel::Cache<std::string, int>;
using Loaded = tiercel::Result<std::optional<int>>;

/// `user_code` as a job of a lent thread.
template <class UserCode>
void on_a_lent_thread(UserCode user_code) {
    const auto runtime = tiercel::spi::default_runtime();
    auto job = [&]() -> asio::awaitable<bool> {
        EXPECT_NE(tiercel::spi::RunLoop::current(), nullptr);
        user_code();
        co_return true;
    };
    tiercel::spi::sync_wait(*runtime, job());
}

TEST(NestedWait, a_blocking_call_without_tiers_keeps_its_deadline) {
    std::promise<void> release;
    auto numbers = Numbers::create({.name = "numbers",
                                    .memory = {.max_entries = 10},
                                    .loader = [done = release.get_future().share()](const std::string&) -> Loaded {
                                        done.wait();
                                        return 1;
                                    }})
                       .value();
    on_a_lent_thread([&] {
        const auto got = numbers.get_or_load("key", {.timeout = 20ms});
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code(), tiercel::Errc::timeout);
        EXPECT_EQ(got.error().message().find("does not turn"), std::string::npos) << got.error().message();
    });
    release.set_value();
}

TEST(NestedWait, a_blocking_call_with_tiers_is_served) {
    auto numbers = Numbers::create({.name = "numbers",
                                    .memory = {.max_entries = 10},
                                    .tiers = {{.backend = tiercel::memory_backend::create().value()}},
                                    .loader = [](const std::string&) -> Loaded { return 1; }})
                       .value();
    on_a_lent_thread([&] { EXPECT_EQ(**numbers.get_or_load("key"), 1); });
}

TEST(NestedWait, the_future_of_an_asynchronous_call_may_be_waited_for) {
    auto numbers = Numbers::create({.name = "numbers",
                                    .memory = {.max_entries = 10},
                                    .tiers = {{.backend = tiercel::memory_backend::create().value()}},
                                    .loader = [](const std::string&) -> Loaded { return 1; }})
                       .value();
    on_a_lent_thread([&] {
        auto future = numbers.async_get_or_load("key", {}, asio::use_future);
        ASSERT_EQ(future.wait_for(20s), std::future_status::ready);
        EXPECT_EQ(**future.get(), 1);
    });
}

} // namespace
