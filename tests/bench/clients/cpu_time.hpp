#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

namespace tiercel::bench::clients {

/// What all threads of a process have used so far, user and system, to the nanosecond (/proc/<pid>/stat counts in
/// hundredths of a second).
/// Errors: throws std::runtime_error when there is no such process.
std::chrono::nanoseconds cpu_time_of(pid_t process);
std::chrono::nanoseconds cpu_time_of(const std::vector<pid_t>& processes);
/// Of this process; its children are not in it.
std::chrono::nanoseconds own_cpu_time();

} // namespace tiercel::bench::clients
