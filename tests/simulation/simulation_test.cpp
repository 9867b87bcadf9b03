// The chain as it is shipped, in many worlds: no promise is broken in any, and a seed is enough to see a run again.
#include "judge/judge.hpp"
#include "simulation.hpp"

#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace tiercel::simulation {
namespace {

TEST(Simulation, breaks_no_promise_in_any_seed) {
    const auto seeds = test::effort(2'000, 100'000);
    std::uint64_t operations = 0;
    std::uint64_t broken = 0;
    std::chrono::duration<double> simulated{};
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t seed = 0; seed < seeds && broken < 5; ++seed) {
        const History history = simulate(seed);
        operations += history.operations.size();
        simulated += history.lasted;
        const auto violations = judge(history);
        EXPECT_TRUE(violations.empty()) << to_text(history, violations);
        broken += violations.empty() ? 0 : 1;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%llu seeds, %llu operations, %.0f s in %.1f s: %.0f times real time\n",
                static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(operations), simulated.count(),
                took.count(), simulated.count() / took.count());
}

TEST(Simulation, one_seed_gives_one_run) {
    for (std::uint64_t seed = 0; seed < test::effort(2'000, 2'000); seed += 7)
        ASSERT_EQ(simulate(seed).hash(), simulate(seed).hash()) << "seed " << seed;
}

TEST(Simulation, another_seed_gives_another_run) {
    EXPECT_NE(simulate(1).hash(), simulate(2).hash());
}

TEST(Simulation, a_history_can_be_read) {
    const auto text = simulate(3).to_text();
    EXPECT_NE(text.find("get_or_load"), std::string::npos);
    EXPECT_NE(text.find("server 0: get"), std::string::npos);
}

} // namespace
} // namespace tiercel::simulation
