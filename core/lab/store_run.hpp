#pragma once

#include "lab/trace.hpp"

#include <tiercel/eviction.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace tiercel::lab {

struct CacheShape {
    Eviction eviction;
    std::uint64_t capacity = 0; ///< in entries; in bytes when the sequence is weighed
    std::uint32_t shards = 1;   ///< 0: as many as the library would make
};

/// What a run tells while it goes; both may be empty.
struct RunWatch {
    std::function<void(std::size_t)> on_progress = {}; ///< so many more requests are done
    std::vector<bool>* hits = nullptr;                 ///< gets one for each request
};

/// Runs the library's own memory tier over the sequence: each request is a find, and on a miss an insert. How many hit.
std::uint64_t run_store(const RequestSequence& sequence, const CacheShape& shape, const RunWatch& watch = {});

} // namespace tiercel::lab
