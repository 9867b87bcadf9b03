#include "lab/job_pool.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace tiercel::lab {

void run_jobs(const std::vector<std::function<void()>>& jobs, unsigned threads) {
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failed;
    const auto work = [&] {
        for (std::size_t job; (job = next.fetch_add(1)) < jobs.size();) {
            try {
                jobs[job]();
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!failed) failed = std::current_exception();
                next.store(jobs.size());
            }
        }
    };
    {
        std::vector<std::jthread> helpers;
        for (std::size_t count = 1; count < std::min<std::size_t>(threads, jobs.size()); ++count)
            helpers.emplace_back(work);
        work();
    }
    if (failed) std::rethrow_exception(failed);
}

} // namespace tiercel::lab
