#include "sources.hpp"

#include "planted_bug.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace tiercel::chain {

namespace {

/// A batch that a blocking function on this thread is working on, and the one that it came from: a loader may ask for
/// other keys, whose loads RunOn::caller runs on the same thread.
struct Running {
    const detail::SourceBatch& batch;
    const Running* outer;
};
thread_local const Running* running_here = nullptr;

bool is_async(detail::SourceStyle style) {
    return style == detail::SourceStyle::async_single || style == detail::SourceStyle::async_batch;
}

} // namespace

bool is_single(detail::SourceStyle style) {
    return style == detail::SourceStyle::blocking_single || style == detail::SourceStyle::async_single;
}

struct Sources::Call {
    std::shared_ptr<detail::SourceFunction> function;
    std::shared_ptr<detail::SourceBatch> batch;
    std::atomic<std::size_t> unsettled{0};
    // Guarded by the owner's mutex:
    spi::Runtime::TimerId timer = 0;
    bool over = false;    ///< every slot is settled
    bool running = false; ///< holds one of the running places
};

Sources::Sources(std::shared_ptr<spi::Runtime> runtime, LoadingOptions options, std::shared_ptr<Scope> scope)
    : runtime_(std::move(runtime)), options_(options), scope_(std::move(scope)) {}

bool Sources::is_loading_here(const detail::Entry& entry) noexcept {
    for (const auto* running = running_here; running != nullptr; running = running->outer) {
        for (std::size_t i = 0; i < running->batch.size(); ++i) {
            if (&running->batch.entry(i) == &entry) return true;
        }
    }
    return false;
}

void Sources::call(Request request) {
    const auto& function = request.function;
    const auto shared = std::make_shared<OnSettled>(std::move(request.on_settled));
    const auto shared_late =
        request.on_late ? std::make_shared<std::function<void(std::size_t)>>(std::move(request.on_late)) : nullptr;
    using Entries = std::vector<detail::EntryPtr>;
    const auto start = [&](Entries part, Entries previous, std::size_t offset) {
        auto call = std::make_shared<Call>();
        call->function = function;
        call->unsettled = part.size();
        auto settle = [self = shared_from_this(), weak = std::weak_ptr<Call>(call), shared,
                       offset](std::size_t index, Result<detail::LoadFacts> facts) {
            (*shared)(offset + index, std::move(facts));
            if (const auto owner = weak.lock()) self->settled(owner);
        };
        std::function<void(std::size_t)> late;
        if (shared_late) late = [shared_late, offset](std::size_t index) { (*shared_late)(offset + index); };
        call->batch = std::make_shared<detail::SourceBatch>(
            detail::SourceBatch::Work{runtime_, std::move(part), std::move(previous), request.deadline}, request.thrown,
            std::move(settle), std::move(late));
        if (request.here && !is_async(function->style())) {
            calls_.add();
            run(call);
        } else {
            submit(call);
        }
    };
    if (is_single(function->style())) {
        for (std::size_t i = 0; i < request.entries.size(); ++i)
            start({request.entries[i]}, request.previous.empty() ? Entries() : Entries{request.previous[i]}, i);
    } else {
        start(std::move(request.entries), std::move(request.previous), 0);
    }
}

void Sources::submit(const std::shared_ptr<Call>& call) {
    bool full = false;
    {
        const std::lock_guard lock(mutex_);
        call->timer = runtime_->call_at(call->batch->deadline(), [self = shared_from_this(), call] {
            if (self->is_over(call) || planted(Bug::source_has_no_deadline)) return;
            self->timeouts_.add();
            call->batch->fail_rest(
                Error(Errc::timeout, "the loader or writer did not answer within TimeoutOptions::source"));
        });
        if (running_ < options_.max_concurrent) {
            ++running_;
            call->running = true;
        } else if (queue_.size() < options_.max_waiting) {
            queue_.push_back(call);
            return;
        } else {
            full = true;
        }
    }
    if (full) {
        call->batch->fail_rest(
            Error(Errc::overloaded, std::to_string(options_.max_concurrent) + " calls of the source run and " +
                                        std::to_string(options_.max_waiting) +
                                        " wait; raise LoadingOptions::max_concurrent or max_waiting, "
                                        "or load less"));
        return;
    }
    launch(call);
}

void Sources::launch(const std::shared_ptr<Call>& call) {
    calls_.add();
    if (is_async(call->function->style())) {
        boost::asio::post(runtime_->executor(), [self = shared_from_this(), call] { self->run_if_wanted(call); });
        return;
    }
    const auto accepted = runtime_->run_blocking([self = shared_from_this(), call] { self->run_if_wanted(call); });
    if (accepted) return;
    // Not from here: failing a call launches the next one, which the runtime refuses too, and so on down the queue.
    boost::asio::post(runtime_->executor(), [call, error = accepted.error()] { call->batch->fail_rest(error); });
}

/// A call whose time passed while it waited for a thread is not begun: its key may be loading again already.
void Sources::run_if_wanted(const std::shared_ptr<Call>& call) {
    if ((!scope_->over() || planted(Bug::load_begins_after_close)) && !is_over(call) &&
        runtime_->now() < call->batch->deadline())
        run(call);
}

bool Sources::is_over(const std::shared_ptr<Call>& call) const {
    const std::lock_guard lock(mutex_);
    return call->over;
}

void Sources::run(const std::shared_ptr<Call>& call) {
    const Running running{*call->batch, running_here};
    running_here = &running;
    call->function->run(call->batch);
    running_here = running.outer;
}

void Sources::settled(const std::shared_ptr<Call>& call) {
    if (call->unsettled.fetch_sub(1, std::memory_order_acq_rel) == 1) release(call);
}

/// The call is over; its place goes to the next one that is worth running.
void Sources::release(const std::shared_ptr<Call>& call) {
    std::shared_ptr<Call> next;
    spi::Runtime::TimerId timer = 0;
    {
        const std::lock_guard lock(mutex_);
        call->over = true;
        timer = call->timer;
        while (call->running && !next && !queue_.empty()) {
            next = std::move(queue_.front());
            queue_.pop_front();
            if (next->over) next = nullptr;
        }
        if (next) {
            next->running = true;
        } else if (call->running) {
            --running_;
        }
    }
    if (timer != 0) runtime_->cancel(timer);
    if (next && !planted(Bug::queued_call_is_forgotten)) launch(next);
}

std::uint64_t Sources::running() const {
    const std::lock_guard lock(mutex_);
    return running_;
}

std::uint64_t Sources::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

} // namespace tiercel::chain
