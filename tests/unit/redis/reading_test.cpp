#include "reading.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tiercel::redis {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// A server whose every reply would be too large. The slot of a key is its first byte.
class TooLarge final : public Exchange {
public:
    TooLarge() : Exchange(spi::default_runtime(), "server", Options()) {}

    Slot slot_of(BytesView key) const noexcept override { return static_cast<Slot>(key.front()); }
    asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime) override {
        const std::size_t count = commands.count();
        asked += count;
        co_return std::vector<Answer>(count, Answer(Error(Errc::value_too_large, "too large")));
    }
    asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime) override {
        co_return std::vector<std::string>{};
    }
    asio::awaitable<Answer> run_at(std::string, Commands, SteadyTime) override {
        co_return Error(Errc::unsupported, "not here");
    }
    void close() noexcept override {}

    std::size_t asked = 0; // commands
};

std::shared_ptr<RecentWrites> near() {
    return std::make_shared<RecentWrites>(1s, 1s, std::chrono::steady_clock::now());
}

/// How many commands a read of these takes, each of which ends as too large.
std::size_t asked_for(const std::vector<BytesView>& keys, std::shared_ptr<RecentWrites> recent) {
    asio::io_context here;
    const auto server = std::make_shared<TooLarge>();
    const spi::CallContext call{std::chrono::steady_clock::now() + 1h};
    auto read = asio::co_spawn(here, read_many(server, std::move(recent), keys, call), asio::use_future);
    here.run();
    for (const auto& lookup : read.get())
        EXPECT_TRUE(!lookup && lookup.error() == Errc::value_too_large);
    return server->asked;
}

TEST(Reading, asks_once_for_a_value_that_is_too_large_alone) {
    EXPECT_EQ(asked_for({"a"}, nullptr), 1U);
    EXPECT_EQ(asked_for({"a"}, near()), 1U);
    EXPECT_EQ(asked_for({"a", "b"}, nullptr), 2U) << "of two slots, each alone";
    EXPECT_EQ(asked_for({"a", "b"}, near()), 2U);
}

TEST(Reading, asks_alone_for_what_was_too_large_together) {
    EXPECT_EQ(asked_for({"a1", "a2"}, nullptr), 3U);
    EXPECT_EQ(asked_for({"a1", "a2", "b"}, near()), 4U);
}

} // namespace
} // namespace tiercel::redis
