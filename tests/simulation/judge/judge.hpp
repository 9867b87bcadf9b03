#pragma once

#include "../history.hpp"

#include <string>
#include <vector>

namespace tiercel::simulation {

/// A promise of DESIGN.md that a history shows broken.
struct Violation {
    int promise = 0;
    std::string what; ///< the key, the operations and times concerned, and what should have been
};

struct JudgeOptions {
    /// Whether promise 1 is asked for values that other processes loaded, too, by their clocks. Not promised so far: a
    /// fill that another process has under way may come after an erase, and the fence may have been forgotten by then.
    bool across_processes = false;
    /// Whether it is asked for after a tier has lost a write that it had acknowledged (a failover to an older replica),
    /// by those who skip memory or have it there no more. Not promised so far.
    bool after_lost_writes = false;
};

/// Everything in the history that breaks a promise; empty if nothing does. Of each rule the first breach of a key only.
std::vector<Violation> judge(const History& history, const JudgeOptions& options = {});

/// For a person: the seed, each violation, and how to see the run.
std::string to_text(const History& history, const std::vector<Violation>& violations);

} // namespace tiercel::simulation
