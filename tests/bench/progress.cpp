#include "progress.hpp"

#include <errno.h> // program_invocation_short_name
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tiercel::bench {

Progress::Progress(std::size_t steps, std::chrono::nanoseconds usual_step, std::chrono::seconds longest_step)
    : steps_(steps),
      usual_(usual_step),
      longest_(longest_step),
      terminal_(isatty(STDERR_FILENO) == 1),
      watcher_([this] { watch(); }) {}

Progress::~Progress() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_one();
    watcher_.join();
    if (terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::begin(std::string step) {
    {
        const std::lock_guard lock(mutex_);
        ++begun_;
        step_ = std::move(step);
    }
    changed_.notify_one();
    if (!terminal_) return;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started_;
    const auto done = static_cast<double>(begun_ - 1);
    const auto each = done == 0 ? usual_.count() : passed.count() / done;
    const auto left = each * (static_cast<double>(steps_) - done);
    std::fprintf(stderr, "\r\033[K%zu/%zu, about %.0f s left: %.60s", begun_, steps_, left, step_.c_str());
    std::fflush(stderr);
}

void Progress::watch() {
    std::unique_lock lock(mutex_);
    while (!over_) {
        const auto seen = begun_;
        if (changed_.wait_for(lock, longest_, [&] { return over_ || begun_ != seen; })) continue;
        std::fprintf(stderr, "\n%s: gave up after %lld s in: %s\n", program_invocation_short_name,
                     static_cast<long long>(longest_.count()), step_.c_str());
        std::_Exit(3);
    }
}

} // namespace tiercel::bench
