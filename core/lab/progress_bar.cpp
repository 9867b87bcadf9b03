#include "lab/progress_bar.hpp"

#include "lab/number_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace tiercel::lab {
namespace {

constexpr std::chrono::milliseconds between_draws{100};
constexpr std::size_t bar_width = 30;

} // namespace

ProgressBar::ProgressBar(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(std::max<std::uint64_t>(total, 1)), shown_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::add(std::uint64_t done) {
    if (!shown_) return;
    const std::lock_guard lock(mutex_);
    done_ += done;
    draw_now_and_then();
}

void ProgressBar::set(std::uint64_t done) {
    if (!shown_) return;
    const std::lock_guard lock(mutex_);
    done_ = done;
    draw_now_and_then();
}

void ProgressBar::draw_now_and_then() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_draw_) return;
    next_draw_ = now + between_draws;
    drawn_ = true;
    const double part = static_cast<double>(done_) / static_cast<double>(total_);
    std::fputs(("\r\x1b[K" + progress_line(label_, part, now - begin_)).c_str(), stderr);
    std::fflush(stderr);
}

std::string progress_line(const std::string& label, double done, std::chrono::duration<double> passed) {
    done = std::clamp(done, 0.0, 1.0);
    const auto full = static_cast<std::size_t>(std::lround(done * bar_width));
    std::string line = label + " [";
    for (std::size_t at = 0; at < bar_width; ++at)
        line += at < full ? "█" : "·";
    line += "] " + fixed(std::floor(done * 100), 0) + " %";
    if (done > 0.02 && done < 1) line += ", " + fixed(std::ceil(passed.count() / done * (1 - done)), 0) + " s left";
    return line;
}

} // namespace tiercel::lab
