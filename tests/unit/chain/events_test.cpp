// What a listener is told, by itself.
#include "chain/events.hpp"

#include <tiercel/testing/virtual_runtime.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tiercel::chain {
namespace {

struct EventsTest : ::testing::Test {
    std::shared_ptr<tiercel::testing::VirtualRuntime> runtime = std::make_shared<tiercel::testing::VirtualRuntime>();
    std::shared_ptr<Scope> scope = std::make_shared<Scope>();
    std::vector<std::string> told;

    std::shared_ptr<Events> events(Events::Listener listener) {
        return std::make_shared<Events>("c", std::move(listener), runtime, scope);
    }
    void end() {
        (void)scope->close([] {});
        (void)scope->finish();
    }
};

TEST_F(EventsTest, the_last_one_waits_for_the_listener_to_return_from_the_one_before) {
    std::atomic<bool> inside{false}, go_on{false};
    const auto some = events([&](const Event& event) {
        told.push_back(to_string(event));
        inside = true;
        while (!go_on)
            std::this_thread::yield();
    });
    some->tell(RepairsOverflowed{"t"});
    std::thread worker([&] { runtime->run_until_idle(); });
    while (!inside)
        std::this_thread::yield();
    end();
    std::thread closer([&] { some->tell_last(WritesLeft{7, 0}); });
    go_on = true;
    closer.join();
    worker.join();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[1], "cache 'c': closed, and lost 7 pending writes");
    EXPECT_EQ(some->dropped(), 0u);
}

TEST_F(EventsTest, the_last_one_is_told_though_others_wait_that_are_not) {
    const auto some = events([&](const Event& event) { told.push_back(to_string(event)); });
    some->tell(RepairsOverflowed{"t"}); // a worker is about to tell it
    end();
    some->tell_last(WritesLeft{0, 3});
    runtime->run_until_idle();
    EXPECT_EQ(told, std::vector<std::string>{"cache 'c': closed with 3 pending writes in its journal"});
}

TEST_F(EventsTest, a_listener_that_closes_its_own_cache_does_not_wait_for_itself) {
    std::shared_ptr<Events> some;
    some = events([&](const Event& event) {
        told.push_back(to_string(event));
        if (told.size() > 1) return;
        end();
        some->tell_last(WritesLeft{7, 0});
    });
    some->tell(RepairsOverflowed{"t"});
    runtime->run_until_idle();
    EXPECT_EQ(told.size(), 1u);
    EXPECT_EQ(some->dropped(), 1u);
}

} // namespace
} // namespace tiercel::chain
