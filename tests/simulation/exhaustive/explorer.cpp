#include "explorer.hpp"

#include "../dice.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace tiercel::simulation {

Exploration explore(const std::function<std::string(const testing::VirtualRuntime::Chooser&)>& run,
                    std::uint64_t most) {
    Exploration found;
    Choices path;
    while (found.orders < most) {
        std::size_t depth = 0;
        found.broken = run([&](std::size_t count) {
            if (depth == path.size()) path.push_back({0, count});
            if (path[depth].count != count) {
                std::fputs("explore: the same choices led to another place: the run does not depend on them alone\n",
                           stderr);
                std::abort();
            }
            return path[depth++].taken;
        });
        ++found.orders;
        found.longest = std::max(found.longest, depth);
        if (!found.broken.empty()) {
            found.choices = path;
            return found;
        }
        while (!path.empty() && path.back().taken + 1 == path.back().count)
            path.pop_back();
        if (path.empty()) {
            found.complete = true;
            return found;
        }
        ++path.back().taken;
    }
    return found;
}

Exploration sample(const std::function<std::string(const testing::VirtualRuntime::Chooser&)>& run, std::uint64_t most) {
    Exploration found;
    for (Dice dice(most); found.orders < most && found.broken.empty(); ++found.orders) {
        found.choices.clear();
        found.broken = run([&](std::size_t count) {
            found.choices.push_back({dice.below(count), count});
            return found.choices.back().taken;
        });
        found.longest = std::max(found.longest, found.choices.size());
    }
    return found;
}

std::string to_text(const Choices& choices) {
    std::string text;
    for (const auto& choice : choices)
        text += (text.empty() ? "" : " ") + std::to_string(choice.taken);
    return text;
}

testing::VirtualRuntime::Chooser replay(Choices choices) {
    return [choices = std::move(choices), next = std::size_t{0}](std::size_t count) mutable {
        const auto taken = next < choices.size() ? choices[next].taken : 0;
        ++next;
        return std::min(taken, count - 1);
    };
}

} // namespace tiercel::simulation
