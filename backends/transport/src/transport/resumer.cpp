#include "transport/resumer.hpp"

#include <boost/asio/post.hpp>
#include <boost/container/static_vector.hpp>

#include <cstddef>

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
    boost::container::static_vector<SuspendedCoroutine, coroutines_a_job> taken;
    bool more = false;
    {
        const std::lock_guard lock(mutex_);
        while (!ready_.empty() && taken.size() < coroutines_a_job) {
            taken.push_back(std::move(ready_.front()));
            ready_.pop_front();
        }
        more = !ready_.empty();
        posted_ = more;
    }
    if (more) post_job();
    auto next = taken.begin();
    try {
        while (next != taken.end()) {
            auto resumed = std::move(*next++);
            std::move(resumed)();
        }
    } catch (...) {
        // What a completion handler of the user's throws is who turns the executor's to see; the others go on.
        for (; next != taken.end(); ++next)
            resume_soon(std::move(*next));
        throw;
    }
}

void Resumer::drop() {
    std::deque<SuspendedCoroutine> dropped; // ends without the lock: coroutines may own this
    const std::lock_guard lock(mutex_);
    dropped.swap(ready_);
    posted_ = false;
}

} // namespace tiercel::transport
