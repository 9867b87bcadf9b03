#pragma once

#include "lab/simulation.hpp"
#include "lab/trace.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tiercel::lab {

/// Sizes each half as much again as the one before, up to one that holds all keys.
std::vector<std::uint64_t> half_again_sizes(const Trace& trace);

struct PolicyAtSize {
    std::string policy;
    std::uint64_t size = 0;
};

/// The smallest of the sizes from which on half as much memory again never buys `worth` (0.01: a point of hit ratio),
/// and the policy that hits most there. `outcomes`: online policies only, at each of the sizes, which rise.
PolicyAtSize choose(const std::vector<Outcome>& outcomes, const std::vector<std::uint64_t>& sizes, double worth);

/// What the three sentences are made of.
struct Findings {
    PolicyAtSize choice;
    double hit_ratio = 0;
    std::string runner_up; ///< the next best policy at that size; empty if there is no other
    double runner_up_ratio = 0;
    std::uint64_t larger_size = 0; ///< half as much again
    double larger_ratio = 0;       ///< of the chosen policy there
    double belady_ratio = 0;       ///< at the chosen size
};

/// Three sentences: which policy and size; what the next 50 % of memory buys; how far it is to Belady's optimum.
std::string sentences(const Findings& findings, const Trace& trace);

} // namespace tiercel::lab
