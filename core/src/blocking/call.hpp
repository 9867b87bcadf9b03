#pragma once

#include "blocking/job_queue.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::blocking {

/// One call in progress, shared by the coroutine that awaits it and the jobs that do it. Each job answers some of the
/// keys; what is unanswered when the coroutine stops waiting gets an error.
/// Thread safety: all members may be called concurrently.
///
/// The coroutine sleeps on `timer_` until the call's deadline; the last answer cancels the timer from the timer's own
/// executor. The timer is there while the coroutine is: whoever ends the call drops it under `mutex_`, so that no
/// answer touches its event loop afterwards, nor this object's end on a thread of the pool, when the loop may be gone.
template <class Out>
class Call : public std::enable_shared_from_this<Call<Out>> {
public:
    using Outcome = Result<Out>;

    Call(const boost::asio::any_io_executor& executor, SteadyTime deadline, std::size_t keys, std::size_t jobs)
        : timer_(std::in_place, executor, deadline), outcomes_(keys), jobs_left_(jobs) {}

    /// One job's results, for the keys at `places`.
    void answer(std::span<const std::size_t> places, std::vector<Outcome> outcomes) {
        const std::lock_guard lock(mutex_);
        if (!timer_) return;
        for (std::size_t i = 0; i < places.size(); ++i)
            outcomes_[places[i]] = std::move(outcomes[i]);
        if (--jobs_left_ == 0) {
            boost::asio::post(timer_->get_executor(), [self = this->shared_from_this()] { self->wake(); });
        }
    }

    void answer(std::span<const std::size_t> places, const Error& error) {
        answer(places, std::vector<Outcome>(places.size(), Outcome(error)));
    }

    void abandon() noexcept {
        const std::lock_guard lock(mutex_);
        timer_.reset();
    }

    /// Ends the call: late answers are dropped.
    std::vector<Outcome> take(const Error& unanswered) {
        const std::lock_guard lock(mutex_);
        timer_.reset();
        std::vector<Outcome> all;
        all.reserve(outcomes_.size());
        for (auto& outcome : outcomes_)
            all.push_back(outcome ? std::move(*outcome) : Outcome(unanswered));
        return all;
    }

    template <class Handler>
    void async_wait(Handler&& handler) {
        const std::lock_guard lock(mutex_); // until the wait has begun, the coroutine cannot drop the timer
        timer_->async_wait(std::forward<Handler>(handler));
    }

private:
    void wake() {
        const std::lock_guard lock(mutex_);
        if (timer_) timer_->cancel();
    }

    std::mutex mutex_;
    std::optional<boost::asio::steady_timer> timer_;
    std::vector<std::optional<Outcome>> outcomes_;
    std::size_t jobs_left_;
};

/// A job that answers some keys of a call.
template <class Out>
class CallJob : public Job {
public:
    CallJob(std::shared_ptr<Call<Out>> call, std::string owner, SteadyTime deadline, std::vector<std::size_t> places)
        : call_(std::move(call)), owner_(std::move(owner)), deadline_(deadline), places_(std::move(places)) {}

    void run() noexcept final {
        if (std::chrono::steady_clock::now() >= deadline_) return too_late();
        try {
            auto outcomes = ask();
            if (outcomes.size() == places_.size()) {
                call_->answer(places_, std::move(outcomes));
            } else {
                fail(Errc::server_error, "its client gave " + std::to_string(outcomes.size()) + " results for " +
                                             std::to_string(places_.size()) + " keys");
            }
        } catch (const std::exception& exception) {
            fail(Errc::server_error, std::string("its client threw: ") + exception.what());
        } catch (...) {
            fail(Errc::server_error, "its client threw something that is no std::exception");
        }
    }
    void refuse() noexcept final { fail(Errc::closed, "it was closed before the call was made"); }
    void refuse(const Error& error) { call_->answer(places_, error); }
    void too_late() { fail(Errc::timeout, "no thread was free before the deadline; nothing was sent"); }

protected:
    virtual std::vector<Result<Out>> ask() = 0;
    SteadyTime deadline() const noexcept { return deadline_; }

private:
    void fail(Errc code, const std::string& what) { call_->answer(places_, Error(code, owner_ + ": " + what)); }

    const std::shared_ptr<Call<Out>> call_;
    const std::string owner_;
    const SteadyTime deadline_;
    const std::vector<std::size_t> places_;
};

template <class Out>
using CallJobs = std::vector<std::shared_ptr<CallJob<Out>>>;

/// Takes the jobs back, and drops what they answer, when the awaiting coroutine goes: at the end of the call, or
/// because its frame is destroyed.
template <class Out>
class Withdrawal {
public:
    Withdrawal(std::shared_ptr<JobQueue> queue, std::shared_ptr<Call<Out>> call, CallJobs<Out> jobs)
        : queue_(std::move(queue)), call_(std::move(call)), jobs_(std::move(jobs)) {}
    Withdrawal(const Withdrawal&) = delete;
    Withdrawal& operator=(const Withdrawal&) = delete;
    ~Withdrawal() {
        call_->abandon();
        for (const auto& job : jobs_)
            queue_->withdraw(*job);
    }

private:
    std::shared_ptr<JobQueue> queue_;
    std::shared_ptr<Call<Out>> call_;
    CallJobs<Out> jobs_;
};

/// Submits the jobs and waits for their answers, at most until the call's deadline.
template <class Out>
boost::asio::awaitable<std::vector<Result<Out>>> await_jobs(std::string owner, std::shared_ptr<JobQueue> queue,
                                                            std::shared_ptr<Call<Out>> call, CallJobs<Out> jobs) {
    const Withdrawal<Out> withdrawal(queue, call, jobs);
    // Submitted only once the timer is being waited for: an answer cancels that wait. The coroutine may then go on and
    // end, on another thread, before the lambda has, and take the captures with it: hence the lambda's locals.
    auto start = [call, jobs, queue](auto handler) mutable {
        const auto own_call = std::move(call);
        const auto own_jobs = std::move(jobs);
        const auto own_queue = std::move(queue);
        own_call->async_wait(std::move(handler));
        for (const auto& job : own_jobs) {
            const auto submitted = own_queue->submit(job);
            if (!submitted) job->refuse(submitted.error());
        }
    };
    using Token = boost::asio::as_tuple_t<boost::asio::use_awaitable_t<>>;
    Token token;
    const auto [cancelled] =
        co_await boost::asio::async_initiate<Token, void(boost::system::error_code)>(std::move(start), token);
    for (const auto& job : jobs) {
        if (!cancelled && queue->withdraw(*job)) job->too_late();
    }
    // A cancelled timer means that all jobs have answered, unless the coroutine itself was cancelled.
    co_return call->take(cancelled ? Error(Errc::cancelled, owner + ": the call was cancelled by its caller")
                                   : Error(Errc::timeout, owner + ": no answer by the call's deadline"));
}

} // namespace tiercel::blocking
