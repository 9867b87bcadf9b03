#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>

namespace tiercel::bench {

/// Says on a terminal's standard error how far a known number of steps has come and how long the rest will take, and
/// ends the process, naming the step, when one takes too long: a contender that hangs must not hang the run.
/// Thread safety: begin() and its like by one thread at a time.
class Progress {
public:
    /// `usual_step` is for the first estimate, when there is nothing to extrapolate from.
    Progress(std::size_t steps, std::chrono::nanoseconds usual_step, std::chrono::seconds longest_step);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    /// The step before it has ended.
    void begin(std::string step);

private:
    void watch();

    const std::size_t steps_;
    const std::chrono::duration<double> usual_;
    const std::chrono::seconds longest_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    const bool terminal_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t begun_ = 0;
    std::string step_;
    bool over_ = false;
    std::thread watcher_;
};

} // namespace tiercel::bench
