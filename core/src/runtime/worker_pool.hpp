#pragma once

#include <tiercel/result.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

namespace tiercel::runtime {

/// Threads for code that may block: as many as there are blocked jobs, up to a bound.
///
/// boost::asio::thread_pool starts all its threads at once and joins without bound; a user's loader that never returns
/// must not make stop() hang, so this pool abandons such a thread after a bounded wait.
/// Thread safety: all members may be called concurrently.
/// Lifetime: threads share ownership of the pool's state.
class WorkerPool : public std::enable_shared_from_this<WorkerPool> {
public:
    WorkerPool(std::size_t max_threads, std::size_t max_queued) : max_threads_(max_threads), max_queued_(max_queued) {}

    /// Errors: overloaded, closed.
    Result<void> run(std::function<void()> job);

    /// Drops what is queued and waits until running jobs have ended, at most `patience`. Idempotent.
    void stop(std::chrono::milliseconds patience);

private:
    using Threads = std::list<std::thread>;
    void work(Threads::iterator self);

    const std::size_t max_threads_;
    const std::size_t max_queued_;

    std::mutex mutex_;
    std::condition_variable work_available_;
    std::condition_variable thread_ended_;
    std::deque<std::function<void()>> queue_;
    Threads running_; // threads inside work()
    Threads ended_;   // threads past work(), to be joined by whoever comes by
    std::size_t idle_ = 0;
    bool stopping_ = false;
};

} // namespace tiercel::runtime
