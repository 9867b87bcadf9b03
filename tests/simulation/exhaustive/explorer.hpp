#pragma once

#include <tiercel/testing/virtual_runtime.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tiercel::simulation {

/// What one choice was, and among how many.
struct Choice {
    std::size_t taken = 0;
    std::size_t count = 0;
};
using Choices = std::vector<Choice>;

struct Exploration {
    std::uint64_t orders = 0; ///< different ones that were run
    bool complete = false;    ///< there are no others
    std::size_t longest = 0;  ///< most choices in one of them
    std::string broken;       ///< what the first order that broke something said; empty: none did
    Choices choices;          ///< of that order
};

/// Runs `run` once for each sequence of choices that there can be, depth first, up to `most` of them or to the first
/// that says that something is broken. `run` makes its world with the chooser that it is given, and asks it in the same
/// way whenever the same choices went before.
Exploration explore(const std::function<std::string(const testing::VirtualRuntime::Chooser&)>& run, std::uint64_t most);

/// Runs it in `most` orders that chance picks, or until something is broken: finds a rare order among millions sooner.
Exploration sample(const std::function<std::string(const testing::VirtualRuntime::Chooser&)>& run, std::uint64_t most);

/// "0 2 1": for a message, and for replay.
std::string to_text(const Choices& choices);

/// A chooser that repeats these, and takes the first after them.
testing::VirtualRuntime::Chooser replay(Choices choices);

} // namespace tiercel::simulation
