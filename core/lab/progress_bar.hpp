#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace tiercel::lab {

/// A line on standard error that fills up, and is wiped when this goes. Silent where standard error is no terminal.
/// Thread safety: all members may be called concurrently.
class ProgressBar {
public:
    /// Done when `add` has come to `total`.
    ProgressBar(std::string label, std::uint64_t total);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    void add(std::uint64_t done);
    void set(std::uint64_t done);

private:
    void draw_now_and_then();

    const std::string label_;
    const std::uint64_t total_;
    const bool shown_;
    std::mutex mutex_; // guards what follows
    std::uint64_t done_ = 0;
    bool drawn_ = false;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point next_draw_ =
        begin_ + std::chrono::milliseconds(100); ///< not for a moment only
};

/// The line itself: label, bar, percentage, and what is left of the time.
std::string progress_line(const std::string& label, double done, std::chrono::duration<double> passed);

} // namespace tiercel::lab
