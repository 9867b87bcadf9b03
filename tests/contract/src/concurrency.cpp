#include "scenario.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <random>
#include <thread>

namespace tiercel::testing::contract {
namespace {

/// Runs `work(index)` on `count` threads at once and returns when all are done.
template <class Work>
void together(std::size_t count, const Work& work) {
    std::barrier start(static_cast<std::ptrdiff_t>(count));
    std::vector<std::jthread> threads;
    threads.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            start.arrive_and_wait();
            work(i);
        });
}

constexpr std::size_t contenders = 8;
constexpr int rounds = 20;

void one_of_many_concurrent_put_if_absent_wins(Subject& subject) {
    if (!subject.can().conditional_writes) return; // said by the scenarios of conditional writes
    for (int round = 0; round < rounds; ++round) {
        const auto key = subject.key(std::to_string(round));
        std::array<std::string, contenders> outcome;
        together(contenders,
                 [&](std::size_t i) { outcome[i] = describe(subject.put_if_absent(key, std::to_string(i))); });
        ASSERT_EQ(std::count(outcome.begin(), outcome.end(), "stored"), 1);
        ASSERT_EQ(std::count(outcome.begin(), outcome.end(), "conflict"), contenders - 1);
        const auto winner = std::find(outcome.begin(), outcome.end(), "stored") - outcome.begin();
        ASSERT_EQ(subject.text(key), std::to_string(winner));
    }
}

void one_of_many_concurrent_put_if_version_wins(Subject& subject) {
    if (!subject.can().conditional_writes) return; // said by the scenarios of conditional writes
    const auto key = subject.key("k");
    ASSERT_EQ(describe(subject.put(key, "start")), "done");
    for (int round = 0; round < rounds; ++round) {
        const auto version = subject.version(key);
        std::array<std::string, contenders> outcome;
        together(contenders, [&](std::size_t i) {
            outcome[i] = describe(subject.put_if_version(key, std::to_string(i), version));
        });
        ASSERT_EQ(std::count(outcome.begin(), outcome.end(), "stored"), 1);
        ASSERT_EQ(std::count(outcome.begin(), outcome.end(), "conflict"), contenders - 1);
        const auto winner = std::find(outcome.begin(), outcome.end(), "stored") - outcome.begin();
        ASSERT_EQ(subject.text(key), std::to_string(winner));
    }
}

/// Each value begins with its key's name, so an answer given to another's question shows.
void under_load_no_caller_gets_anothers_value(Subject& subject) {
    constexpr std::size_t threads = 4, key_count = 50;
    constexpr int operations = 300;
    const auto keys = subject.keys(key_count);
    std::atomic<int> strangers = 0, failures = 0, hits = 0;
    const auto check = [&](const std::string& key, const spi::Lookup& found) {
        if (!found) {
            ++failures;
        } else if (*found) {
            ++hits;
            if (!(*found)->value.starts_with(key + "|")) ++strangers;
        }
    };
    together(threads, [&](std::size_t seed) {
        std::mt19937 random(static_cast<unsigned>(seed));
        for (int i = 0; i < operations; ++i) {
            const auto& key = keys[random() % key_count];
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                if (!subject.put(key, key + "|" + std::string(random() % 3000, 'x'))) ++failures;
                break;
            case 3:
                if (!subject.erase(key)) ++failures;
                break;
            case 4: {
                std::vector<std::string> some;
                for (int n = 0; n < 20; ++n)
                    some.push_back(keys[random() % key_count]);
                const auto found = subject.get_many(some);
                for (std::size_t n = 0; n < some.size(); ++n)
                    check(some[n], found[n]);
                break;
            }
            default:
                check(key, subject.get(key));
            }
        }
    });
    EXPECT_EQ(strangers, 0);
    EXPECT_EQ(failures, 0);
    EXPECT_GT(hits, 0);
}

constexpr std::array scenarios = {
    TIERCEL_SCENARIO(one_of_many_concurrent_put_if_absent_wins),
    TIERCEL_SCENARIO(one_of_many_concurrent_put_if_version_wins),
    TIERCEL_SCENARIO(under_load_no_caller_gets_anothers_value),
};

} // namespace

std::span<const Scenario> concurrency() {
    return scenarios;
}

} // namespace tiercel::testing::contract
