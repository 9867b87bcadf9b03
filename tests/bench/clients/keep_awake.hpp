#pragma once

#include <sys/types.h>

namespace tiercel::bench::clients {

/// A busy thread for each processor, in a child process of lowest priority (SCHED_IDLE): they run only where nobody
/// else wants to, and keep a virtual machine's processors from being halted, from which they take long to come back.
/// Their CPU is not this process's. Gone with this object, or with the thread that made it.
/// Errors: throws std::system_error.
class KeepAwake {
public:
    /// Make it before any other thread.
    KeepAwake();
    KeepAwake(const KeepAwake&) = delete;
    KeepAwake& operator=(const KeepAwake&) = delete;
    ~KeepAwake();

private:
    pid_t child_;
};

} // namespace tiercel::bench::clients
