#include "support/child_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace tiercel::test {

ChildProcess::ChildProcess(const std::vector<std::string>& command, const std::filesystem::path& log) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const auto& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const std::string log_name = log.string();
    const pid_t parent = ::getpid();

    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
    if (pid_ == 0) { // only async-signal-safe calls from here on
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const int in = ::open("/dev/null", O_RDONLY);
        const int out = ::open(log_name.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(in, STDIN_FILENO);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        ::close_range(3, ~0U, 0);
        ::execv(arguments.front(), arguments.data());
        ::_exit(127);
    }
}

ChildProcess::~ChildProcess() {
    kill9();
}

bool ChildProcess::alive() {
    if (reaped_) return false;
    reaped_ = ::waitpid(pid_, nullptr, WNOHANG) != 0;
    return !reaped_;
}

void ChildProcess::signal(int number) {
    if (alive()) ::kill(pid_, number);
}

void ChildProcess::stop() {
    if (!alive()) return;
    ::kill(pid_, SIGSTOP);
    // The signal stops one thread after the other; the wait ends when the last one has stopped.
    int status = 0;
    while (::waitpid(pid_, &status, WUNTRACED) < 0 && errno == EINTR) {
    }
    reaped_ = !WIFSTOPPED(status);
}

void ChildProcess::kill9() {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    reap();
}

void ChildProcess::reap() {
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
}

std::string find_program(const std::string& program, const std::string& package) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const auto candidate = std::filesystem::path(folder) / program;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
    }
    throw std::runtime_error(program + " is not in PATH; install the Debian package " + package +
                             " (cmake/install-packages.sh installs all that the tests need)");
}

} // namespace tiercel::test
