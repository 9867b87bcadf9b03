#include "chain/scope.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace tiercel::chain {
namespace {

TEST(Scope, is_empty_at_once_if_nothing_is_under_way) {
    Scope scope;
    int emptied = 0;
    EXPECT_TRUE(scope.close([&] { ++emptied; }));
    EXPECT_EQ(emptied, 1);
    EXPECT_FALSE(scope.open());
    EXPECT_FALSE(scope.begin());
    EXPECT_FALSE(Scope::Brief(scope));
    EXPECT_EQ(emptied, 1);
}

TEST(Scope, is_empty_when_the_last_work_ends_of_whichever_kind) {
    for (const bool brief_last : {false, true}) {
        Scope scope;
        int emptied = 0;
        ASSERT_TRUE(scope.begin());
        std::optional<Scope::Brief> brief(std::in_place, scope);
        ASSERT_TRUE(*brief);
        EXPECT_TRUE(scope.close([&] { ++emptied; }));
        EXPECT_EQ(emptied, 0);
        if (brief_last) scope.end();
        brief.reset();
        EXPECT_EQ(emptied, brief_last ? 1 : 0);
        if (!brief_last) scope.end();
        EXPECT_EQ(emptied, 1);
    }
}

TEST(Scope, is_closed_once) {
    Scope scope;
    ASSERT_TRUE(scope.begin());
    EXPECT_TRUE(scope.close([] {}));
    EXPECT_FALSE(scope.close([] { FAIL() << "the first one's is called"; }));
    scope.end();
}

TEST(Scope, finish_gives_up_waiting_and_says_for_how_much) {
    Scope scope;
    ASSERT_TRUE(scope.begin());
    const Scope::Brief brief(scope);
    EXPECT_TRUE(scope.close([] { FAIL() << "nobody waits any more"; }));
    EXPECT_FALSE(scope.over());
    EXPECT_EQ(scope.finish(), 2U);
    EXPECT_TRUE(scope.over());
    scope.end();
}

/// Each round has its own interleaving; under TSan each is checked too.
TEST(Scope, work_that_began_is_waited_for_and_none_begins_afterwards) {
    constexpr int worker_count = 4;
    for (int round = 0; round < 200; ++round) {
        Scope scope;
        std::atomic<int> working{0};
        std::atomic<int> ready{0};
        std::atomic<bool> empty{false};
        std::atomic<int> wrong{0};
        std::vector<std::thread> workers;
        for (int number = 0; number < worker_count; ++number) {
            workers.emplace_back([&, number] {
                const auto work = [&] {
                    working.fetch_add(1);
                    if (empty.load()) wrong.fetch_add(1);
                    working.fetch_sub(1);
                };
                ready.fetch_add(1);
                for (bool may = true; may;) {
                    if (number % 2 == 0) {
                        const Scope::Brief brief(scope);
                        may = bool(brief);
                        if (may) work();
                    } else {
                        may = scope.begin();
                        if (may) {
                            work();
                            scope.end();
                        }
                    }
                }
            });
        }
        while (ready.load() != worker_count)
            std::this_thread::yield();
        ASSERT_TRUE(scope.close([&] {
            if (working.load() != 0) wrong.fetch_add(1);
            if (empty.exchange(true)) wrong.fetch_add(1);
            if (scope.finish() != 0) wrong.fetch_add(1); // whoever is turned away is not under way
        }));
        for (auto& worker : workers)
            worker.join();
        EXPECT_TRUE(empty.load());
        EXPECT_EQ(wrong.load(), 0);
    }
}

} // namespace
} // namespace tiercel::chain
