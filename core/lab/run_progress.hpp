#pragma once

#include "lab/store_run.hpp"

#include <cstddef>

namespace tiercel::lab {

/// Tells a RunWatch of each request, cheaply.
class RunProgress {
public:
    explicit RunProgress(const RunWatch& watch) : watch_(watch) {}
    RunProgress(const RunProgress&) = delete;
    RunProgress& operator=(const RunProgress&) = delete;
    ~RunProgress() {
        if (watch_.on_progress) watch_.on_progress(untold_);
    }

    void passed(bool hit) {
        if (watch_.hits != nullptr) watch_.hits->push_back(hit);
        if (++untold_ < step) return;
        if (watch_.on_progress) watch_.on_progress(untold_);
        untold_ = 0;
    }

private:
    static constexpr std::size_t step = std::size_t{1} << 16;

    const RunWatch& watch_;
    std::size_t untold_ = 0;
};

} // namespace tiercel::lab
