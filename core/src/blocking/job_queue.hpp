#pragma once

#include "runtime/worker_pool.hpp"

#include <tiercel/result.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tiercel::blocking {

/// Work for a thread. Either run() or refuse() is called, once; neither if the job is withdrawn.
class Job {
public:
    virtual ~Job() = default;
    virtual void run() noexcept = 0;
    /// The queue was closed before a thread took the job.
    virtual void refuse() noexcept = 0;

private:
    friend class JobQueue;
    // Guarded by the queue's mutex: where the job stands in the queue, while it does.
    std::optional<std::list<std::shared_ptr<Job>>::iterator> place_;
};

/// A bounded queue of jobs that can be taken back, and the bounded number of threads that run them, first come, first
/// served.
/// Thread safety: all members may be called concurrently.
/// Lifetime: held by shared_ptr; its threads share it while they run jobs.
///
/// Invariant: `runners_` is the number of run_jobs() loops handed to `threads_` and not ended, at most one for each
/// thread, and at least one while the queue is not empty. So what waits inside `threads_` is bounded too, however many
/// jobs are submitted and withdrawn.
class JobQueue : public std::enable_shared_from_this<JobQueue> {
public:
    JobQueue(std::string owner, std::size_t threads, std::size_t max_queued);

    /// Errors: overloaded, closed.
    Result<void> submit(const std::shared_ptr<Job>& job);
    /// True if the job was waiting: it will not run.
    bool withdraw(Job& job) noexcept;
    /// Refuses what waits and what comes. Does not wait for jobs in progress. Idempotent.
    void close() noexcept;
    /// Closes, and waits for the jobs in progress, at most `patience`; a thread that is stuck for longer is left to
    /// itself, with what it needs.
    void stop(std::chrono::milliseconds patience);

private:
    void run_jobs() noexcept;

    const std::string owner_;
    const std::size_t max_threads_;
    const std::size_t max_queued_;
    const std::shared_ptr<runtime::WorkerPool> threads_;
    std::mutex mutex_;
    std::list<std::shared_ptr<Job>> queue_;
    std::size_t runners_ = 0;
    bool closed_ = false;
};

} // namespace tiercel::blocking
