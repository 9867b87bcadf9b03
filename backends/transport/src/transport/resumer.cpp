#include "transport/resumer.hpp"

#include <boost/asio/post.hpp>

#include <cstddef>
#include <optional>

namespace tiercel::transport {

namespace {

constexpr std::size_t coroutines_a_job = 32;

} // namespace

class Resumer::Job {
public:
    explicit Job(std::shared_ptr<Resumer> of) noexcept : of_(std::move(of)) {}
    ~Job() {
        if (of_) of_->drop();
    }
    Job(Job&&) noexcept = default;
    Job& operator=(Job&&) = delete;

    void operator()() {
        const auto of = std::move(of_);
        of->run();
    }

private:
    std::shared_ptr<Resumer> of_;
};

void Resumer::resume_soon(SuspendedCoroutine one) {
    {
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(one));
        if (std::exchange(posted_, true)) return;
    }
    post_job();
}

void Resumer::post_job() {
    boost::asio::post(executor_, Job(shared_from_this()));
}

void Resumer::run() {
    for (std::size_t resumed = 0; resumed < coroutines_a_job; ++resumed) {
        std::optional<SuspendedCoroutine> next;
        bool another_job = false;
        {
            const std::lock_guard lock(mutex_);
            if (resumed == 0) posted_ = false;
            if (ready_.empty()) return;
            next.emplace(std::move(ready_.front()));
            ready_.pop_front();
            another_job = !ready_.empty() && !std::exchange(posted_, true);
        }
        if (another_job) post_job();
        // May take long, or throw what a completion handler of the user's throws: the others have their job.
        (*std::move(next))();
    }
}

void Resumer::drop() {
    std::deque<SuspendedCoroutine> dropped; // ends without the lock: coroutines may own this
    const std::lock_guard lock(mutex_);
    dropped.swap(ready_);
    posted_ = false;
}

} // namespace tiercel::transport
