#include <tiercel/memoize.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace tiercel {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Memoize, calls_a_function_once_for_each_argument) {
    int calls = 0;
    const auto square = memoize([&](int x) {
        ++calls;
        return x * x;
    });
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(square(3), 9);
        EXPECT_EQ(square(4), 16);
    }
    EXPECT_EQ(calls, 2);
    const auto stats = square.stats();
    EXPECT_EQ(stats.name, "memoized");
    EXPECT_EQ(stats.memory.hits, 4U);
    EXPECT_EQ(stats.source.loads, 2U);
    EXPECT_EQ(stats.memory.entries, 2U);
}

TEST(Memoize, takes_functions_of_none_and_of_several_arguments) {
    int calls = 0;
    const auto none = memoize([&] { return ++calls; });
    EXPECT_EQ(none(), 1);
    EXPECT_EQ(none(), 1);
    const auto three = memoize([&](const std::string& text, int times, char end) {
        ++calls;
        std::string result;
        for (int i = 0; i < times; ++i)
            result += text;
        return result + end;
    });
    EXPECT_EQ(three("ab", 2, '.'), "abab.");
    EXPECT_EQ(three(std::string("ab"), 2, '.'), "abab.");
    EXPECT_EQ(three("ab", 2, '!'), "abab!");
    EXPECT_EQ(calls, 3);
}

int twice(int x) noexcept {
    return 2 * x;
}

struct Scaler {
    int factor;
    int operator()(int x) const { return factor * x; }
};

TEST(Memoize, takes_plain_functions_function_objects_and_std_function) {
    EXPECT_EQ(memoize(twice)(4), 8);
    EXPECT_EQ(memoize(&twice)(4), 8);
    EXPECT_EQ(memoize(Scaler{3})(4), 12);
    EXPECT_EQ(memoize(std::function<int(int)>(twice))(5), 10);
    int count = 0;
    const auto changing = memoize([count](int x) mutable { return x + ++count; });
    EXPECT_EQ(changing(1), 2);
    EXPECT_EQ(changing(1), 2);
    EXPECT_EQ(changing(2), 4);
    (void)count;
}

TEST(Memoize, gives_a_handle_to_who_wants_no_copy) {
    const auto big = memoize([](int size) { return std::vector<int>(static_cast<std::size_t>(size)); });
    const auto first = big.handle(1000);
    EXPECT_EQ(first->size(), 1000U);
    EXPECT_EQ(first.get(), big.handle(1000).get());
}

TEST(Memoize, may_call_itself) {
    std::function<std::uint64_t(int)> fibonacci;
    int calls = 0;
    const auto memo = memoize([&](int n) -> std::uint64_t {
        ++calls;
        return n < 2 ? static_cast<std::uint64_t>(n) : fibonacci(n - 1) + fibonacci(n - 2);
    });
    fibonacci = [&](int n) { return memo(n); };
    EXPECT_EQ(memo(90), 2'880'067'194'370'816'120U);
    EXPECT_EQ(calls, 91);
}

TEST(Memoize, says_so_when_a_call_needs_its_own_result) {
    std::function<int(int)> again;
    const auto memo = memoize([&](int n) { return again(n); });
    again = [&](int n) { return memo(n); };
    try {
        (void)memo(1);
        FAIL() << "it has a result";
    } catch (const Exception& error) {
        EXPECT_EQ(error.code(), Errc::recursive_load);
        EXPECT_THAT(error.what(), HasSubstr("the key that it is loading"));
    }
}

TEST(Memoize, says_so_when_a_call_needs_its_own_result_by_way_of_another) {
    std::function<int(int)> other;
    const auto memo = memoize([&](int n) { return other(n); });
    other = [&](int n) { return memo(1 - n); };
    try {
        (void)memo(1);
        FAIL() << "it has a result";
    } catch (const Exception& error) {
        EXPECT_EQ(error.code(), Errc::recursive_load);
    }
}

struct OwnError : std::runtime_error {
    using std::runtime_error::runtime_error;
    int detail = 7;
};

TEST(Memoize, lets_an_exception_through_as_it_is_and_forgets_it) {
    int calls = 0;
    const auto fussy = memoize([&](int x) {
        if (++calls == 1) throw OwnError("not yet");
        return x;
    });
    try {
        (void)fussy(5);
        FAIL() << "nothing was thrown";
    } catch (const OwnError& error) {
        EXPECT_STREQ(error.what(), "not yet");
        EXPECT_EQ(error.detail, 7);
    }
    EXPECT_EQ(fussy(5), 5);
    EXPECT_EQ(calls, 2);
}

TEST(Memoize, lets_what_is_no_exception_through_too) {
    const auto odd = memoize([](int x) -> int { throw x; });
    EXPECT_THROW((void)odd(5), int);
}

/// `count` threads call `call` at about the same time, the first of them inside the function until all have come.
template <class Call>
void at_once(int count, Call call) {
    std::latch start(count);
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            start.arrive_and_wait();
            call();
        });
    }
    for (auto& thread : threads)
        thread.join();
}

TEST(Memoize, runs_once_for_equal_calls_that_come_at_the_same_time) {
    std::atomic<int> calls{0};
    const auto slow = memoize([&](int x) {
        ++calls;
        std::this_thread::yield();
        return x + 1;
    });
    for (int round = 0; round < 200; ++round) {
        at_once(4, [&] { EXPECT_EQ(slow(round), round + 1); });
        ASSERT_EQ(calls, round + 1);
    }
}

TEST(Memoize, gives_a_failure_to_all_who_waited_for_it) {
    std::latch others(1);
    std::atomic<int> calls{0};
    const auto failing = memoize([&](int) -> int {
        ++calls;
        others.wait();
        throw OwnError("no luck");
    });
    std::atomic<int> own{0};
    std::atomic<int> shared{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            try {
                (void)failing(1);
            } catch (const OwnError&) {
                ++own;
            } catch (const Exception& error) {
                EXPECT_EQ(error.code(), Errc::loader_failed);
                EXPECT_THAT(error.what(), HasSubstr("no luck"));
                ++shared;
            }
        });
    }
    while (failing.stats().source.joined < 3)
        std::this_thread::yield();
    others.count_down();
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(own, 1);
    EXPECT_EQ(shared, 3);
}

TEST(Memoize, forgets_everything_when_cleared) {
    int calls = 0;
    const auto counted = memoize([&](int x) {
        ++calls;
        return x;
    });
    EXPECT_EQ(counted(1), 1);
    counted.clear();
    EXPECT_EQ(counted.stats().memory.entries, 0U);
    EXPECT_EQ(counted(1), 1);
    EXPECT_EQ(calls, 2);
}

TEST(Memoize, holds_no_more_than_it_may) {
    MemoizeOptions options;
    options.max_entries = 3;
    options.name = "three";
    const auto few = memoize([](int x) { return x; }, options);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(few(i), i);
    EXPECT_LE(few.stats().memory.entries, 3U);
    EXPECT_EQ(few.stats().name, "three");
}

TEST(Memoize, forgets_a_result_whose_time_is_over) {
    std::atomic<int> calls{0};
    const auto brief = memoize(
        [&](int x) {
            ++calls;
            return x;
        },
        {.ttl = 1ns});
    EXPECT_EQ(brief(1), 1);
    EXPECT_EQ(brief(1), 1);
    EXPECT_EQ(calls, 2);
    const auto lasting = memoize(
        [&](int x) {
            ++calls;
            return x;
        },
        {.ttl = 1h});
    EXPECT_EQ(lasting(1), 1);
    EXPECT_EQ(lasting(1), 1);
    EXPECT_EQ(calls, 3);
}

TEST(Memoize, refuses_options_that_make_no_sense) {
    const auto made = [](MemoizeOptions options) { return memoize([](int x) { return x; }, std::move(options)); };
    EXPECT_THROW((void)made({.max_entries = 0}), Exception);
    EXPECT_THROW((void)made({.ttl = 0s}), Exception);
    EXPECT_THROW((void)made({.name = ""}), Exception);
}

} // namespace
} // namespace tiercel
