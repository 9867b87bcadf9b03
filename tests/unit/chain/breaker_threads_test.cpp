// The breaker, its probes and its events on real threads.
#include <tiercel/async.hpp>
#include <tiercel/cache.hpp>
#include <tiercel/spi/backend.hpp>

#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::testing::chain {
namespace {

using namespace std::chrono_literals;

/// Has nothing, takes everything, and refuses all of it while `down`.
class Flickering final : public spi::Backend {
public:
    std::atomic<bool> down{false};
    std::atomic<int> reads{0};

    std::string_view name() const noexcept override { return "flickering"; }
    spi::Capabilities capabilities() const noexcept override { return {}; }
    boost::asio::awaitable<std::vector<spi::Lookup>> get_many(std::span<const BytesView> keys,
                                                              spi::CallContext) override {
        ++reads;
        spi::Lookup nothing = std::optional<spi::Found>();
        if (down) nothing = refusal();
        co_return std::vector<spi::Lookup>(keys.size(), nothing);
    }
    boost::asio::awaitable<std::vector<Result<void>>> put_many(std::span<const spi::PutItem> items,
                                                               spi::CallContext) override {
        co_return std::vector<Result<void>>(items.size(), down ? Result<void>(refusal()) : Result<void>());
    }
    boost::asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys,
                                                                 spi::CallContext) override {
        co_return std::vector<Result<bool>>(keys.size(), down ? Result<bool>(refusal()) : Result<bool>(true));
    }
    boost::asio::awaitable<std::vector<Result<bool>>> touch_many(std::span<const BytesView> keys,
                                                                 std::chrono::milliseconds, spi::CallContext) override {
        co_return std::vector<Result<bool>>(keys.size(), refusal());
    }
    boost::asio::awaitable<Result<spi::Conditional>> put_if_absent(spi::PutItem, spi::CallContext) override {
        co_return refusal();
    }
    boost::asio::awaitable<Result<spi::Conditional>> put_if_version(spi::PutItem, spi::Version,
                                                                    spi::CallContext) override {
        co_return refusal();
    }
    boost::asio::awaitable<Result<void>> ping(spi::CallContext) override { co_return refusal(); }
    void close() noexcept override {}

private:
    static Error refusal() { return Error(Errc::connection_failed, "it flickers"); }
};

/// Callers on four threads while the tier comes and goes; each transition is told once and in order, and nobody fails.
TEST(TierBreakerThreads, transitions_are_told_once_and_in_order_while_many_threads_look_and_write) {
    const auto backend = std::make_shared<Flickering>();
    std::mutex mutex;
    std::vector<std::size_t> told;
    Cache<int, std::string>::Options options;
    options.name = "flickering";
    options.tiers.resize(1);
    options.tiers[0].backend = std::shared_ptr<spi::Backend>(backend);
    options.tiers[0].timeout = 1ms; // nothing takes that long; it is how long nobody must have been answered
    options.tiers[0].breaker = {.failures = 3, .back_off_min = 1ms, .back_off_max = 2ms};
    options.loader = [](int key) { return std::to_string(key); };
    options.on_event = [&](const Event& event) {
        const std::lock_guard lock(mutex);
        told.push_back(event.what.index());
    };
    {
        const auto cache = Cache<int, std::string>::create(std::move(options)).value();
        const auto state = [&] { return cache.stats().tiers.at(0).breaker.state; };
        std::atomic<bool> stop{false};
        std::atomic<int> wrong{0};
        std::vector<std::thread> callers;
        for (int thread = 0; thread < 4; ++thread) {
            callers.emplace_back([&, thread] {
                for (int i = thread; !stop; i += 4) {
                    const auto found = cache.get_or_load(i % 1000, {.skip = Skip::memory()});
                    wrong += !found || **found != std::to_string(i % 1000);
                    if (i % 16 == thread) wrong += !cache.invalidate(i % 1000);
                }
            });
        }
        for (int round = 0; round < 10; ++round) {
            backend->down = true;
            EXPECT_TRUE(test::wait_until([&] { return state() != BreakerState::closed; }));
            backend->down = false;
            EXPECT_TRUE(test::wait_until([&] { return state() == BreakerState::closed; }));
        }
        stop = true;
        for (auto& caller : callers)
            caller.join();
        EXPECT_EQ(wrong, 0);
        EXPECT_TRUE(test::wait_until([&] {
            const auto breaker = cache.stats().tiers.at(0).breaker;
            const std::lock_guard lock(mutex);
            return breaker.state == BreakerState::closed && told.size() == breaker.opened + 2 * breaker.probes;
        })) << "each transition is one event";
        EXPECT_GE(cache.stats().tiers.at(0).breaker.opened, 10U);
        EXPECT_TRUE(cache.close());
        EXPECT_EQ(cache.stats().dropped_events, 0U);
    }
    const auto reads = backend->reads.load();
    constexpr std::size_t opened = 0, half_open = 1, closed = 2;
    std::size_t before = closed;
    for (const auto kind : told) {
        EXPECT_TRUE(before == half_open ? kind != half_open : kind == (before == closed ? opened : half_open));
        before = kind;
    }
    EXPECT_EQ(backend->reads, reads) << "nothing runs after close";
}

} // namespace
} // namespace tiercel::testing::chain
