#include "cpu_time.hpp"

#include <sys/resource.h>

#include <ctime>
#include <stdexcept>
#include <string>

namespace tiercel::bench::clients {

std::chrono::nanoseconds cpu_time_of(pid_t process) {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        throw std::runtime_error("no CPU time of process " + std::to_string(process));
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::chrono::nanoseconds cpu_time_of(const std::vector<pid_t>& processes) {
    std::chrono::nanoseconds sum{};
    for (const auto process : processes)
        sum += cpu_time_of(process);
    return sum;
}

std::chrono::nanoseconds own_cpu_time() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

} // namespace tiercel::bench::clients
