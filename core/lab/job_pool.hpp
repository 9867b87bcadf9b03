#pragma once

#include <functional>
#include <vector>

namespace tiercel::lab {

/// Runs all jobs on `threads` threads (0: one a core), in the order given as threads come free; returns when all are
/// done. When one throws, those not begun are left out, and the first exception comes out of here.
void run_jobs(const std::vector<std::function<void()>>& jobs, unsigned threads);

} // namespace tiercel::lab
