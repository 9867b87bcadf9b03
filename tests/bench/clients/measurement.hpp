#pragma once

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

namespace tiercel::bench::clients {

/// How long each measurement takes.
struct Times {
    std::chrono::nanoseconds warm_up;
    std::chrono::nanoseconds measured;
};

/// What one measurement gave. An operation is one key got or set.
struct Sample {
    double per_second = 0; ///< all callers together
    double client_ns = 0;  ///< CPU of this process (or the tool's) per operation
    double server_ns = 0;  ///< CPU of the servers per operation
    double p50_ns = 0;     ///< of callers that block, one key a call; otherwise 0
    double p99_ns = 0;
};

/// What one caller counted.
struct alignas(64) Tally {
    std::uint64_t operations = 0;
    std::vector<std::uint32_t> nanoseconds = {};
};

/// Does and counts one operation, and how long it took.
template <class Operation>
void timed(Tally& tally, Operation operation) {
    using Clock = std::chrono::steady_clock;
    const auto before = Clock::now();
    operation();
    const auto took = std::chrono::nanoseconds(Clock::now() - before).count();
    ++tally.operations;
    tally.nanoseconds.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(took, UINT32_MAX)));
}

/// The time of one measurement, which all callers look at: what they do while it warms up does not count.
/// Thread safety: phase() from anywhere; the rest by the thread that measures.
class Stretch {
public:
    enum class Phase : unsigned char { warming, measuring, over };

    /// `servers`: whose CPU counts.
    Stretch(const Times& times, std::vector<pid_t> servers) : times_(times), servers_(std::move(servers)) {}

    Phase phase() const noexcept { return phase_.load(std::memory_order_relaxed); }

    /// Blocks until it is over.
    void pass();
    Sample sample(const std::vector<Tally>& tallies) const;

private:
    const Times times_;
    const std::vector<pid_t> servers_;
    std::atomic<Phase> phase_ = Phase::warming;
    std::chrono::duration<double, std::nano> took_{};
    std::chrono::nanoseconds client_{};
    std::chrono::nanoseconds server_{};
};

/// Runs, on each of `threads` threads, the `step(tally)` that `begin(thread)` made there, until the stretch is over.
/// Errors: throws what the first of the threads that failed threw.
template <class Begin>
Sample run_callers(unsigned threads, Stretch& stretch, Begin begin) {
    using Phase = Stretch::Phase;
    std::vector<Tally> tallies(threads);
    std::vector<std::exception_ptr> failures(threads);
    std::latch ready(static_cast<std::ptrdiff_t>(threads));
    std::vector<std::jthread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            bool has_begun = false;
            try {
                auto step = begin(thread);
                has_begun = true;
                ready.count_down();
                Tally unused, tally;
                while (stretch.phase() == Phase::warming)
                    step(unused);
                while (stretch.phase() == Phase::measuring)
                    step(tally);
                tallies[thread] = std::move(tally);
            } catch (...) {
                failures[thread] = std::current_exception();
                if (!has_begun) ready.count_down();
            }
        });
    }
    ready.wait();
    stretch.pass();
    running.clear();
    for (const auto& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
    return stretch.sample(tallies);
}

} // namespace tiercel::bench::clients
