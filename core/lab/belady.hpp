#pragma once

#include "lab/store_run.hpp"
#include "lab/trace.hpp"

#include <cstdint>
#include <vector>

namespace tiercel::lab {

/// For each request the position of the next one for the same key; the length of the sequence where there is none.
std::vector<std::uint32_t> next_uses(const RequestSequence& sequence);

/// How many requests hit under the offline optimum: when room is needed, the entry leaves whose next use is farthest
/// (L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966).
/// Every miss is stored, as run_store does it.
/// Unweighed, no policy that stores every miss hits more often. Weighed, it evicts by next use alone, whatever the
/// sizes, until there is room, and what outweighs the cache is not stored: a good mark, but no bound, since the true
/// optimum is then NP-hard to find.
/// `next` is next_uses(sequence). Costs O(1) a request: four words of a bit set, and no hash table.
std::uint64_t run_belady(const RequestSequence& sequence, const std::vector<std::uint32_t>& next,
                         std::uint64_t capacity, const RunWatch& watch = {});

} // namespace tiercel::lab
