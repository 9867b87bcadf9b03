#include "worker_pool.hpp"

#include <system_error>

namespace tiercel::runtime {

namespace {
constexpr std::chrono::seconds idle_patience{10};
}

Result<void> WorkerPool::run(std::function<void()> job) {
    Threads ended;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return Error(Errc::closed, "the runtime is stopping; no more jobs are taken");
        if (queue_.size() >= max_queued_) {
            return Error(Errc::overloaded,
                         "all " + std::to_string(max_threads_) + " worker threads are busy and " +
                             std::to_string(max_queued_) +
                             " jobs wait; raise RuntimeOptions::max_worker_threads or max_queued_jobs, or load less");
        }
        queue_.push_back(std::move(job));
        if (idle_ < queue_.size() && running_.size() < max_threads_) {
            running_.emplace_back();
            const auto self = std::prev(running_.end());
            try {
                *self = std::thread([pool = shared_from_this(), self] { pool->work(self); });
            } catch (const std::system_error&) {
                running_.erase(self);
                if (running_.empty()) {
                    queue_.pop_back();
                    return Error(Errc::overloaded, "the system gives no thread to run the job on");
                } // else it waits for one of those
            }
        }
        ended.swap(ended_);
        work_available_.notify_one();
    }
    for (auto& thread : ended)
        thread.join();
    return {};
}

void WorkerPool::work(Threads::iterator self) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (queue_.empty()) {
            ++idle_;
            const bool woken =
                work_available_.wait_for(lock, idle_patience, [this] { return stopping_ || !queue_.empty(); });
            --idle_;
            if (!woken) break;
            continue;
        }
        auto job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        job();
        job = nullptr; // what it captured goes without the lock
        lock.lock();
    }
    ended_.splice(ended_.end(), running_, self);
    thread_ended_.notify_all();
}

void WorkerPool::stop(std::chrono::milliseconds patience) {
    std::deque<std::function<void()>> dropped;
    Threads ended;
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        dropped.swap(queue_);
        work_available_.notify_all();
        const auto here = std::this_thread::get_id();
        const auto only_self_left = [&] {
            for (const auto& thread : running_) {
                if (thread.get_id() != here) return false;
            }
            return true;
        };
        thread_ended_.wait_for(lock, patience, only_self_left);
        for (auto& thread : running_) {
            if (thread.joinable()) thread.detach(); // stuck in user code, or the caller itself
        }
        ended.swap(ended_);
    }
    for (auto& thread : ended) {
        if (thread.joinable()) thread.join();
    }
}

} // namespace tiercel::runtime
