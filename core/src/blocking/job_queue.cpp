#include "blocking/job_queue.hpp"

namespace tiercel::blocking {

JobQueue::JobQueue(std::string owner, std::size_t threads, std::size_t max_queued)
    : owner_(std::move(owner)),
      max_threads_(threads),
      max_queued_(max_queued),
      threads_(std::make_shared<runtime::WorkerPool>(threads, threads)) {}

Result<void> JobQueue::submit(const std::shared_ptr<Job>& job) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return Error(Errc::closed, owner_ + " was closed");
        if (queue_.size() >= max_queued_) {
            return Error(Errc::overloaded, owner_ + ": " + std::to_string(max_queued_) +
                                               " calls already wait for a thread; raise max_queued or threads");
        }
        job->place_ = queue_.insert(queue_.end(), job);
        if (runners_ == max_threads_) return {};
        ++runners_;
    }
    const auto started = threads_->run([self = shared_from_this()] { self->run_jobs(); });
    if (!started) { // stopped meanwhile: close() has refused the job
        const std::lock_guard lock(mutex_);
        --runners_;
    }
    return {};
}

void JobQueue::run_jobs() noexcept {
    std::unique_lock lock(mutex_);
    while (!queue_.empty()) {
        auto job = std::move(queue_.front());
        queue_.pop_front();
        job->place_.reset();
        lock.unlock();
        job->run();
        job.reset(); // what it holds goes without the lock
        lock.lock();
    }
    --runners_;
}

bool JobQueue::withdraw(Job& job) noexcept {
    std::shared_ptr<Job> withdrawn; // released after the lock
    const std::lock_guard lock(mutex_);
    if (!job.place_) return false;
    withdrawn = std::move(**job.place_);
    queue_.erase(*job.place_);
    job.place_.reset();
    return true;
}

void JobQueue::close() noexcept {
    std::list<std::shared_ptr<Job>> refused;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        refused.swap(queue_);
        for (const auto& job : refused)
            job->place_.reset();
    }
    for (const auto& job : refused)
        job->refuse();
}

void JobQueue::stop(std::chrono::milliseconds patience) {
    close();
    threads_->stop(patience);
}

} // namespace tiercel::blocking
