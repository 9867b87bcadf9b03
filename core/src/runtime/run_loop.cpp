#include <tiercel/spi/run_loop.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <algorithm>

namespace tiercel::spi {

namespace asio = boost::asio;

namespace {

thread_local RunLoop* lent_here = nullptr;

/// Cheaper to run than to send home.
constexpr std::size_t jobs_after_the_end = 16;
/// Jobs that make jobs do not keep timers waiting.
constexpr std::size_t jobs_between_timers = 64;

} // namespace

RunLoop::RunLoop(asio::any_io_executor home, const void* owner, std::shared_ptr<Timers> timers)
    : home_(asio::prefer(std::move(home), asio::execution::outstanding_work.tracked)),
      owner_(owner),
      timers_(std::move(timers)) {}

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

RunLoop::Away::Away() noexcept : hidden_(std::exchange(lent_here, nullptr)) {}

RunLoop::Away::~Away() {
    lent_here = hidden_;
}

void RunLoop::give_back_current() {
    if (lent_here) lent_here->give_back();
}

bool RunLoop::run_until(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    std::size_t jobs_in_a_row = 0;
    while (!finished_) {
        if (lent_ && !jobs_.empty() && ++jobs_in_a_row % jobs_between_timers != 0) {
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

void RunLoop::call_at(SteadyTime when, std::uint64_t id) {
    if (lent_) {
        waiting_timers_.push_back({when, id});
    } else {
        timers_->send_home(id, when, home_);
    }
}

void RunLoop::forget(std::uint64_t id) noexcept {
    std::erase_if(waiting_timers_, [id](const Timer& timer) { return timer.id == id; });
}

bool RunLoop::begin_driving(const std::shared_ptr<Driver>& driver, const std::shared_ptr<const void>& owner) {
    if (!lent_) return false;
    if (driver_ != driver) {
        if (driven_.load(std::memory_order_acquire) != 0) return false;
        auto former_owner = owner; // goes after the former driver
        auto former = driver;
        {
            const std::lock_guard lock(mutex_);
            driver_owner_.swap(former_owner);
            driver_.swap(former);
        }
        if (former) former->left(*this);
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

bool RunLoop::run_due_timer(SteadyTime now) {
    const auto due = std::find_if(waiting_timers_.begin(), waiting_timers_.end(),
                                  [now](const Timer& timer) { return timer.when <= now; });
    if (due == waiting_timers_.end()) return false;
    const auto id = due->id;
    waiting_timers_.erase(due);
    timers_->fire(id);
    return true;
}

SteadyTime RunLoop::next_timer() const noexcept {
    auto next = SteadyTime::max();
    for (const auto& timer : waiting_timers_)
        next = std::min(next, timer.when);
    return next;
}

void RunLoop::give_back() {
    if (!lent_) return;
    std::shared_ptr<const void> owner; // goes after the driver
    std::shared_ptr<Driver> driver;
    std::unique_lock lock(mutex_);
    lent_ = false; // nothing is queued any more
    owner.swap(driver_owner_);
    driver.swap(driver_);
    while (!jobs_.empty()) {
        auto job = jobs_.pop();
        lock.unlock();
        send_home(std::move(job));
        lock.lock();
    }
    lock.unlock();
    for (const auto& timer : std::exchange(waiting_timers_, {}))
        timers_->send_home(timer.id, timer.when, home_);
    if (driver) driver->left(*this);
}

} // namespace tiercel::spi
