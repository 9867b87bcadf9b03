#include <tiercel/spi/run_loop.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace tiercel::spi {

namespace asio = boost::asio;

namespace {

thread_local RunLoop* lent_here = nullptr;

/// Cheaper to run than to send home.
constexpr std::size_t jobs_after_the_end = 16;

} // namespace

RunLoop::RunLoop(asio::any_io_executor home, const void* owner)
    : home_(asio::prefer(std::move(home), asio::execution::outstanding_work.tracked)), owner_(owner) {}

RunLoop::~RunLoop() = default;

RunLoop* RunLoop::current() noexcept {
    return lent_here;
}

std::shared_ptr<RunLoop> RunLoop::of(const asio::any_io_executor& executor) {
    const auto* const known = executor.target<Executor>();
    return known ? known->loop_ : nullptr;
}

RunLoop::Lending::Lending(RunLoop& loop) : loop_(loop), outer_(std::exchange(lent_here, &loop)) {
    if (outer_) outer_->give_back();
}

RunLoop::Lending::~Lending() {
    loop_.give_back();
    // Not the outer one: it has been given back, and what runs in it from here on belongs at home.
    lent_here = nullptr;
}

bool RunLoop::run_until(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    while (!finished_) {
        if (lent_ && !jobs_.empty()) {
            run_next(lock);
            continue;
        }
        lock.unlock();
        const auto now = std::chrono::steady_clock::now();
        if (run_due_timer(now)) {
            lock.lock();
            continue;
        }
        if (now >= deadline) break;
        auto until = std::min(deadline, next_timer());
        lock.lock();
        if (!jobs_.empty() || finished_) continue;
        if (lent_ && driver_) {
            state_ = State::driving;
            woken_ = false;
            const auto driver = driver_;
            lock.unlock();
            until = std::min(until, driver->drive(*this, until));
            lock.lock();
            state_ = State::running;
            if (until <= now) continue;
        }
        state_ = State::sleeping;
        const auto something = [this] { return finished_ || woken_ || (lent_ && !jobs_.empty()); };
        if (until == SteadyTime::max()) {
            roused_.wait(lock, something);
        } else {
            roused_.wait_until(lock, until, something);
        }
        state_ = State::running;
        woken_ = false;
    }
    if (!lock.owns_lock()) lock.lock();
    const bool finished = finished_;
    for (std::size_t more = 0; more < jobs_after_the_end && finished && lent_ && !jobs_.empty(); ++more)
        run_next(lock);
    lock.unlock();
    give_back();
    return finished;
}

void RunLoop::run_next(std::unique_lock<std::mutex>& lock) {
    auto job = jobs_.pop();
    lock.unlock();
    in_job_ = true;
    job->run();
    job.reset();
    in_job_ = false;
    lock.lock();
}

void RunLoop::finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    if (state_ == State::sleeping) {
        roused_.notify_one();
    } else if (state_ == State::driving && std::this_thread::get_id() != thread_) {
        driver_->interrupt(*this);
    }
}

bool RunLoop::wake() noexcept {
    std::unique_lock lock(mutex_);
    woken_ = true;
    const bool soon = state_ != State::running;
    rouse(lock);
    return soon;
}

bool RunLoop::has_work() const {
    const std::lock_guard lock(mutex_);
    return finished_ || !jobs_.empty();
}

void RunLoop::call_at(SteadyTime when, std::uint64_t id, std::function<void()> job) {
    Timer timer{when, id, std::move(job)};
    // lent_ is written by this thread only.
    if (lent_) {
        timers_.push_back(std::move(timer));
    } else {
        send_home(std::move(timer));
    }
}

bool RunLoop::cancel(std::uint64_t id) noexcept {
    return std::erase_if(timers_, [id](const Timer& timer) { return timer.id == id; }) != 0;
}

bool RunLoop::begin_driving(const std::shared_ptr<Driver>& driver) {
    if (!lent_) return false;
    if (driver_ != driver) {
        if (driven_.load(std::memory_order_acquire) != 0) return false;
        const std::lock_guard lock(mutex_);
        driver_ = driver;
    }
    driven_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

void RunLoop::push(std::unique_ptr<AnyJob> job) {
    std::unique_lock lock(mutex_);
    if (lent_) {
        jobs_.push(std::move(job));
        rouse(lock);
    } else {
        lock.unlock();
        send_home(std::move(job));
    }
}

/// Lets go of the lock before the thread is told, which would wait for it otherwise.
void RunLoop::rouse(std::unique_lock<std::mutex>& lock) noexcept {
    if (state_ == State::sleeping) {
        // Whoever gets here shares the loop, so that it is there after the unlock.
        lock.unlock();
        roused_.notify_one();
    } else if (state_ == State::driving && std::this_thread::get_id() != thread_) {
        driver_->interrupt(*this);
    }
}

void RunLoop::send_home(std::unique_ptr<AnyJob> job) {
    asio::post(home_, [kept = std::move(job)] { kept->run(); });
}

void RunLoop::send_home(Timer timer) {
    const auto armed = std::make_shared<asio::steady_timer>(home_, timer.when);
    armed->async_wait([armed, job = std::move(timer.job)](const boost::system::error_code&) { job(); });
}

bool RunLoop::run_due_timer(SteadyTime now) {
    const auto due = std::find_if(timers_.begin(), timers_.end(), [now](const Timer& t) { return t.when <= now; });
    if (due == timers_.end()) return false;
    const auto job = std::move(due->job);
    timers_.erase(due);
    job();
    return true;
}

SteadyTime RunLoop::next_timer() const noexcept {
    auto next = SteadyTime::max();
    for (const auto& timer : timers_)
        next = std::min(next, timer.when);
    return next;
}

void RunLoop::give_back() {
    if (!lent_) return;
    std::shared_ptr<Driver> driver;
    std::unique_lock lock(mutex_);
    lent_ = false; // nothing is queued any more
    driver.swap(driver_);
    while (!jobs_.empty()) {
        auto job = jobs_.pop();
        lock.unlock();
        send_home(std::move(job));
        lock.lock();
    }
    lock.unlock();
    for (auto& timer : std::exchange(timers_, {}))
        send_home(std::move(timer));
    if (driver) driver->left(*this);
}

} // namespace tiercel::spi
