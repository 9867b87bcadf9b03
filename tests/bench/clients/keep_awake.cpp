#include "keep_awake.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

namespace tiercel::bench::clients {
namespace {

[[noreturn]] void spin() {
    for (;;)
        __asm__ volatile(""); // no pause instruction: a hypervisor may take it for a reason to halt us
}

} // namespace

KeepAwake::KeepAwake() {
    const pid_t parent = ::getpid();
    child_ = ::fork();
    if (child_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const sched_param priority{.sched_priority = 0};
    if (::getppid() != parent || ::sched_setscheduler(0, SCHED_IDLE, &priority) != 0) ::_exit(1);
    for (unsigned other = 1; other < std::thread::hardware_concurrency(); ++other)
        std::thread(spin).detach(); // inherits the priority
    spin();
}

KeepAwake::~KeepAwake() {
    ::kill(child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

} // namespace tiercel::bench::clients
