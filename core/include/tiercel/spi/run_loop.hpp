#pragma once

#include <tiercel/spi/clock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tiercel::spi {

/// A blocked thread as an event loop: what it waits for runs on the thread itself, so that an answer needs no other
/// thread. (The idea of std::execution::run_loop, P2300.) A thread makes one for one wait:
///
///     lent ──finish(), the deadline, a wait inside a job──> given back
///
/// While it is lent, jobs queue up and the thread runs them in order. Once it is given back, what was queued (but for a
/// few jobs that are there at the end: the ends of coroutines, mostly) and what comes later goes to `home`, the event
/// loop that serves everybody, so that whoever gives up holds up nobody else; so do its timers. A job never runs on a
/// thread that waits for something else: a wait that begins inside a job gives the outer loop back first, and the outer
/// thread then waits without running anything.
///
/// Who can make things go on only while a thread sits in a system call (a socket) gives the loop a Driver: the thread
/// drives instead of sleeping.
///
/// Thread safety: executors, post, finish, wake and has_work from anywhere, by who shares the loop; the rest on the
/// thread that made it.
/// Memory order: all that is shared is under one mutex. Lock order: a driver's locks before the loop's.
/// Lifetime: held by shared_ptr by its executors; `home` has work until the last one goes.
class RunLoop final : public std::enable_shared_from_this<RunLoop> {
public:
    class Executor;

    /// Makes something go on that needs a thread.
    class Driver {
    public:
        virtual ~Driver() = default;
        /// Goes on until the loop has work, or until `until`. No lock is held. Returns when to be called again at the
        /// latest, if nothing is posted and nobody wakes the loop before: in the past for at once, later where another
        /// thread drives already.
        virtual SteadyTime drive(RunLoop& loop, SteadyTime until) = 0;
        /// Makes a drive() that is under way look at its loop again. From any thread, under the loop's lock.
        virtual void interrupt(const RunLoop& loop) noexcept = 0;
        /// The loop is given back, and will not drive any more. No lock is held.
        virtual void left(RunLoop& loop) noexcept = 0;
    };

    /// Timers by id, whose they are. Thread safety: all members may be called concurrently.
    class Timers {
    public:
        virtual ~Timers() = default;
        /// Its time has come. One that was cancelled, or has fired, is nothing.
        virtual void fire(std::uint64_t id) = 0;
        /// The loop watches the time no more: it is to fire on `home`.
        virtual void send_home(std::uint64_t id, SteadyTime when, const boost::asio::any_io_executor& home) = 0;
    };

    /// `owner` is compared only: whose event loop `home` is. `timers` may be null if there are none.
    RunLoop(boost::asio::any_io_executor home, const void* owner, std::shared_ptr<Timers> timers = nullptr);
    ~RunLoop();
    RunLoop(const RunLoop&) = delete;
    RunLoop& operator=(const RunLoop&) = delete;

    Executor executor() noexcept;
    const boost::asio::any_io_executor& home() const noexcept { return home_; }

    /// The loop that this thread lends, if any.
    static RunLoop* current() noexcept;
    bool is_of(const void* owner) const noexcept { return owner_ == owner; }
    bool is_lent() const noexcept { return lent_; }
    /// The loop that runs what is posted to this executor, while it is lent.
    static std::shared_ptr<RunLoop> of(const boost::asio::any_io_executor& executor);

    /// Makes it current() on this thread, and gives back the one that was.
    class Lending {
    public:
        explicit Lending(RunLoop& loop);
        ~Lending();
        Lending(const Lending&) = delete;
        Lending& operator=(const Lending&) = delete;

    private:
        RunLoop& loop_;
        RunLoop* const outer_;
    };

    /// Hides current() from what is begun in its scope and waited for by somebody else.
    class Away {
    public:
        Away() noexcept;
        ~Away();
        Away(const Away&) = delete;
        Away& operator=(const Away&) = delete;

    private:
        RunLoop* const hidden_;
    };

    /// For a wait of another kind inside a job: gives back the loop that this thread lends, if any.
    static void give_back_current();

    /// Runs jobs, timers and the driver until finish() has been called: true; or the deadline has come: false. The loop
    /// is then given back.
    bool run_until(SteadyTime deadline);
    /// What the thread waits for has come. The loop may be gone when this returns.
    void finish();

    /// Fires that timer at `when`, on this thread while it is lent.
    void call_at(SteadyTime when, std::uint64_t id);
    /// Spares the loop a timer that has been cancelled.
    void forget(std::uint64_t id) noexcept;

    /// The thread is to drive for one thing more, until that thing ends. False if it may not: it drives for another
    /// driver, or is given back. `owner` is kept for as long as the driver is, and let go after it: what it lives on.
    bool begin_driving(const std::shared_ptr<Driver>& driver, const std::shared_ptr<const void>& owner = nullptr);
    /// One of these things has ended. From anywhere.
    void end_driving() noexcept { driven_.fetch_sub(1, std::memory_order_release); }
    /// Has drive() called again soon. False if the thread is running a job, and gets round to it only then.
    bool wake() noexcept;
    /// There is something that drive() is to return for.
    bool has_work() const;

    /// `job` is called once, here or at home.
    template <class Job>
    void post(Job&& job) {
        push(std::make_unique<JobOf<std::decay_t<Job>>>(std::forward<Job>(job)));
    }

private:
    struct AnyJob {
        virtual ~AnyJob() = default;
        virtual void run() = 0;
        std::unique_ptr<AnyJob> next;
    };
    /// First in, first out; allocates nothing.
    class Jobs {
    public:
        Jobs() = default;
        ~Jobs() {
            while (!empty())
                pop();
        }
        bool empty() const noexcept { return first_ == nullptr; }
        void push(std::unique_ptr<AnyJob> job) noexcept {
            auto& end = first_ ? last_->next : first_;
            last_ = job.get();
            end = std::move(job);
        }
        std::unique_ptr<AnyJob> pop() noexcept {
            auto job = std::move(first_);
            first_ = std::move(job->next);
            return job;
        }

    private:
        std::unique_ptr<AnyJob> first_;
        AnyJob* last_ = nullptr; // of those there are
    };
    template <class Job>
    struct JobOf final : AnyJob {
        explicit JobOf(Job from) : job(std::move(from)) {}
        void run() override {
            Job taken(std::move(job));
            taken();
        }
        Job job;
    };
    struct Timer {
        SteadyTime when;
        std::uint64_t id;
    };
    enum class State : unsigned char { running, sleeping, driving };

    bool runs_job_here() const noexcept { return std::this_thread::get_id() == thread_ && in_job_ && lent_; }
    void run_next(std::unique_lock<std::mutex>& lock);
    void push(std::unique_ptr<AnyJob> job);
    void send_home(std::unique_ptr<AnyJob> job);
    void rouse(std::unique_lock<std::mutex>& lock) noexcept;
    bool run_due_timer(SteadyTime now);
    SteadyTime next_timer() const noexcept;
    void give_back();

    const boost::asio::any_io_executor home_;
    const void* const owner_;
    const std::shared_ptr<Timers> timers_;
    const std::thread::id thread_ = std::this_thread::get_id();

    mutable std::mutex mutex_;
    std::condition_variable roused_;
    // Guarded by mutex_.
    Jobs jobs_;
    State state_ = State::running;
    bool finished_ = false;
    bool woken_ = false;
    // Written by the thread, under mutex_; so the thread itself may read them without.
    bool lent_ = true;
    std::shared_ptr<const void> driver_owner_; // before the driver, so that it goes after it
    std::shared_ptr<Driver> driver_;
    /// Release and acquire: a driver whose things have ended is not used after another has taken its place.
    std::atomic<std::size_t> driven_{0};
    // The thread's alone.
    bool in_job_ = false;
    std::vector<Timer> waiting_timers_; // few: unordered
};

/// Meets what any_io_executor asks for; dispatch() from a job of the loop runs at once.
class RunLoop::Executor {
    using blocking_t = boost::asio::execution::blocking_t;

public:
    explicit Executor(std::shared_ptr<RunLoop> loop) noexcept : loop_(std::move(loop)) {}

    template <class Job>
    void execute(Job&& job) const {
        if (may_run_at_once_ && loop_->runs_job_here()) {
            std::decay_t<Job> taken(std::forward<Job>(job));
            taken();
        } else {
            loop_->post(std::forward<Job>(job));
        }
    }

    boost::asio::execution_context& query(boost::asio::execution::context_t) const {
        return boost::asio::query(loop_->home_, boost::asio::execution::context);
    }
    blocking_t query(blocking_t) const noexcept {
        return may_run_at_once_ ? blocking_t(blocking_t::possibly) : blocking_t(blocking_t::never);
    }
    Executor require(blocking_t::possibly_t) const noexcept { return Executor(loop_, true); }
    Executor require(blocking_t::never_t) const noexcept { return Executor(loop_, false); }

    bool operator==(const Executor& other) const noexcept {
        return loop_ == other.loop_ && may_run_at_once_ == other.may_run_at_once_;
    }
    bool operator!=(const Executor& other) const noexcept { return !(*this == other); }

private:
    friend class RunLoop;
    Executor(std::shared_ptr<RunLoop> loop, bool may_run_at_once) noexcept
        : loop_(std::move(loop)), may_run_at_once_(may_run_at_once) {}

    std::shared_ptr<RunLoop> loop_;
    bool may_run_at_once_ = true;
};

inline RunLoop::Executor RunLoop::executor() noexcept {
    return Executor(shared_from_this());
}

} // namespace tiercel::spi
