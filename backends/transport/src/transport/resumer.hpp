#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace tiercel::transport {

/// What asio::use_awaitable waits with: owns the coroutine, which goes on when this is called.
using SuspendedCoroutine = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;

/// Lets coroutines go on at the executor where they live, several by one job: the replies to many calls come together.
///
/// A job takes one coroutine from the queue, resumes it, and takes the next, not too many in all, so that the
/// executor's other work has its turn. While any are in the queue, a job is posted that has not begun: one that resumes
/// a coroutine for long, or ends by what that throws, keeps none of the others from the executor's other threads.
/// They begin in the order of their coming; on several threads, one may be overtaken on its last steps.
/// Thread safety: all members may be called concurrently.
/// Lifetime: shared with its job. If that is dropped, so are the coroutines: the executor has ended.
class Resumer : public std::enable_shared_from_this<Resumer> {
public:
    explicit Resumer(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    bool is_at(const boost::asio::any_io_executor& executor) const noexcept { return executor_ == executor; }

    /// It goes on soon, and not before this returns unless on another thread.
    void resume_soon(SuspendedCoroutine one);

private:
    class Job;

    void post_job();
    void run();
    void drop();

    const boost::asio::any_io_executor executor_;
    std::mutex mutex_;
    // Guarded by mutex_.
    std::deque<SuspendedCoroutine> ready_;
    bool posted_ = false; ///< a job is, and is yet to begin; so it is whenever ready_ is not empty
};

} // namespace tiercel::transport
