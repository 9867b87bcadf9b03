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

/// The knee of the curve of the best policy at each size: where it lies highest above the straight line from no memory
/// and no hits to the last size and its hits (V. Satopää, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'kneedle' in a
/// haystack", ICDCS workshops 2011). Beyond it memory buys less than the average of that line. Where the curve is no
/// point above the line, the last size: there all memory is worth the same. And the policy that hits most there.
/// `outcomes`: online policies only, at each of the sizes, which rise.
PolicyAtSize choose(const std::vector<Outcome>& outcomes, const std::vector<std::uint64_t>& sizes);

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
