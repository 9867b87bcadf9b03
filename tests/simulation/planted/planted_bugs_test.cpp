// Each mistake of the catalogue is made, and must be noticed in one of the first seeds.
#include "catalogue.hpp"

#include "../judge/judge.hpp"
#include "../simulation.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace tiercel::simulation {
namespace {

/// The quick mode's.
constexpr std::uint64_t most_seeds = 2'000;

class Planted : public ::testing::TestWithParam<PlantedBug> {
protected:
    ~Planted() override { planted_bug = Bug::none; }
};

TEST_P(Planted, is_noticed) {
    const auto& mistake = GetParam();
    for (std::uint64_t seed = 0; seed < most_seeds; ++seed) {
        const auto settings = settings_of(seed);
        planted_bug = mistake.bug;
        const History history = simulate(settings, seed);
        planted_bug = Bug::none;
        const auto violations = judge(history);
        if (violations.empty()) continue;
        std::printf("| %-36.*s | %2d | %4llu | %.*s |\n", static_cast<int>(mistake.name.size()), mistake.name.data(),
                    violations.front().promise, static_cast<unsigned long long>(seed + 1),
                    static_cast<int>(mistake.what.size()), mistake.what.data());
        return;
    }
    FAIL() << mistake.what << ": " << most_seeds << " seeds show nothing broken";
}

INSTANTIATE_TEST_SUITE_P(Bug, Planted, ::testing::ValuesIn(planted_bugs().begin(), planted_bugs().end()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(PlantedBugs, are_at_least_thirty_of_different_names) {
    EXPECT_GE(planted_bugs().size(), 30U);
}

} // namespace
} // namespace tiercel::simulation
