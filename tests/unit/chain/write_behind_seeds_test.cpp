// Write-behind beside a model of it: puts, lookups, invalidations and a source that fails, by seed.
#include "scripted.hpp"

#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tiercel::testing::chain {
namespace {

/// A source of numbers: slow, and down at times. A load gives what was there when it began.
struct Numbers {
    std::shared_ptr<VirtualRuntime> runtime;
    std::mt19937_64 random;
    std::map<std::string, int> rows;
    std::map<std::string, int> writing;
    bool down = false;

    std::chrono::milliseconds some_time() { return std::chrono::milliseconds(random() % 200); }
    asio::awaitable<void> rest() {
        auto gate = std::make_shared<Gate>();
        gate->shut();
        runtime->call_at(runtime->now() + some_time(), [gate] { gate->open(); });
        co_await gate->pass();
    }
    Loader<std::string, int> loader() {
        return [this](const std::string& key) -> asio::awaitable<Result<std::optional<int>>> {
            const auto row = rows.find(key);
            const std::optional<int> found = row == rows.end() ? std::nullopt : std::optional<int>(row->second);
            co_await rest();
            co_return found;
        };
    }
    Writer<std::string, int> writer() {
        return [this](const std::string& key, const int& value) -> asio::awaitable<Result<void>> {
            EXPECT_EQ(++writing[key], 1) << "writes of one key follow one another";
            const int number = value;
            const std::string name = key;
            co_await rest();
            --writing[name];
            if (down || random() % 4 == 0) co_return Error(Errc::writer_failed, "down");
            EXPECT_GE(number, rows[name]) << "no key goes back";
            rows[name] = number;
            co_return Result<void>();
        };
    }
};

void live(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Numbers source{std::make_shared<VirtualRuntime>(seed), std::mt19937_64(seed + 1), {}, {}, false};
    std::map<std::string, int> acknowledged;
    int last = 0;
    int answered = 0;
    int asked = 0;
    {
        CacheOptions<std::string, int> options;
        options.name = "numbers";
        options.memory.max_entries = 1 + random() % 4;
        options.memory.shards = 1;
        options.expiry.ttl = 1s;
        options.runtime = source.runtime;
        options.loader = source.loader();
        options.writer = source.writer();
        options.timeouts.close = 10min;
        options.write_behind.acknowledge = Acknowledge::memory;
        options.write_behind.max_writes = 1 + random() % 5;
        options.write_behind.delay = std::chrono::milliseconds(random() % 2 * 50);
        options.write_behind.retry_max = 1s;
        const auto cache = Cache<std::string, int>::create(std::move(options)).value();
        const auto here = source.runtime->executor();
        for (int step = 0; step < 80; ++step) {
            const auto key = std::to_string(random() % 5);
            switch (random() % 8) {
            case 0:
            case 1:
            case 2: {
                const int value = ++last;
                ++asked;
                cache.async_put(key, value, within(500ms), asio::bind_executor(here, [&, key, value](auto report) {
                                    ++answered;
                                    if (report) acknowledged[key] = std::max(acknowledged[key], value);
                                }));
                break;
            }
            case 3:
            case 4:
            case 5: {
                const int least = acknowledged[key];
                ++asked;
                cache.async_get_or_load(key, {}, asio::bind_executor(here, [&, least, key](auto number) {
                                            ++answered;
                                            ASSERT_TRUE(number);
                                            EXPECT_GE(*number ? **number : 0, least) << "key " << key;
                                        }));
                break;
            }
            case 6:
                if (random() % 4 == 0) {
                    cache.async_clear({}, asio::bind_executor(here, [](const auto&) {}));
                } else {
                    cache.async_invalidate(key, {}, asio::bind_executor(here, [](const auto&) {}));
                }
                break;
            default:
                source.down = random() % 3 == 0;
                source.runtime->advance(std::chrono::milliseconds(random() % 400));
                break;
            }
        }
        source.down = false;
        source.runtime->advance(1min);
        EXPECT_EQ(answered, asked);
        EXPECT_EQ(cache.stats().write_behind->pending, 0u);
        EXPECT_TRUE(cache.close());
    }
    source.runtime->advance(1min);
    for (const auto& [key, value] : acknowledged)
        EXPECT_GE(source.rows[key], value) << "key " << key; // above it: a put whose caller had given up
}

TEST(WriteBehind, no_lookup_sees_less_than_what_was_acknowledged_and_the_source_ends_with_it) {
    const auto seeds = test::effort(300, 30'000);
    for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        live(seed);
    }
}

} // namespace
} // namespace tiercel::testing::chain
