#include "dice.hpp"
#include "judge/judge.hpp"
#include "simulation.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace tiercel::simulation;

int usage() {
    std::fputs("tiercel_simulation --seed N       one run: its whole history, and what is wrong with it\n"
               "tiercel_simulation --seeds N M    the runs from seed N up to M (M > N): what is wrong with them\n",
               stderr);
    return 2;
}

int show(std::uint64_t seed) {
    const History history = simulate(seed);
    const auto violations = judge(history);
    std::fputs(history.to_text().c_str(), stdout);
    std::printf("hash %016llx\n%s", static_cast<unsigned long long>(history.hash()),
                to_text(history, violations).c_str());
    return violations.empty() ? 0 : 1;
}

int run(std::uint64_t first, std::uint64_t last, const JudgeOptions& options) {
    std::uint64_t broken = 0;
    std::uint64_t operations = 0;
    std::chrono::nanoseconds simulated{};
    const auto began = std::chrono::steady_clock::now();
    for (auto seed = first; seed < last; ++seed) {
        const History history = simulate(seed);
        simulated += history.lasted;
        operations += history.operations.size();
        const auto violations = judge(history, options);
        if (violations.empty()) continue;
        ++broken;
        std::fputs(to_text(history, violations).c_str(), stdout);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    const std::chrono::duration<double> lived = simulated;
    std::printf("%llu runs, %llu with violations, %llu operations, %.0f s simulated in %.1f s: %.0f times real time\n",
                static_cast<unsigned long long>(last - first), static_cast<unsigned long long>(broken),
                static_cast<unsigned long long>(operations), lived.count(), took.count(), lived.count() / took.count());
    return broken == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "--seed" && argc == 3) return show(number(2));
    if (argc == 4 && number(3) <= number(2)) return usage();
    if (mode == "--seeds" && argc == 4) return run(number(2), number(3), {});
    if (mode == "--seeds-across" && argc == 4) return run(number(2), number(3), {.across_processes = true});
    return usage();
}
