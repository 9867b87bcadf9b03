#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tiercel::test {

/// A program of our own: started, signalled and reaped by its pid. It dies with the thread that started it (the
/// kernel's parent-death signal), so start it on a thread that outlives the need for it, such as the test's main one.
/// Thread safety: none.
class ChildProcess {
public:
    /// Runs `command` (its first word is a path) with both outputs going to the end of `log`.
    /// Throws std::runtime_error when it cannot be started.
    ChildProcess(const std::vector<std::string>& command, const std::filesystem::path& log);
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    /// kill9(): what it had is in a temporary directory, and a graceful memcached takes a second to go.
    ~ChildProcess();

    pid_t pid() const noexcept { return pid_; }
    bool alive();
    void signal(int number);
    /// SIGSTOP; returns when every thread of it has stopped.
    void stop();
    /// SIGKILL, which ends a stopped process too; returns when it is gone.
    void kill9();

private:
    void reap();

    pid_t pid_;
    bool reaped_ = false;
};

/// The path of `program` in PATH. Throws std::runtime_error naming the Debian `package` that has it: a missing server
/// is a failed test, never a skipped one.
std::string find_program(const std::string& program, const std::string& package);

} // namespace tiercel::test
