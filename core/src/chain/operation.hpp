#pragma once

#include <tiercel/detail/engine.hpp>
#include <tiercel/spi/runtime.hpp>

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace tiercel::chain {

/// One caller's call: results for its keys, arriving in any order from any thread, handed over together, once.
///
///   open --all results in / deadline / cancel / close--> over (`done` was called; later results are dropped)
///
/// A key may have an offer: what it gets instead of Errc::timeout.
///
/// Thread safety: all members may be called concurrently.
template <class T>
class Operation : public std::enable_shared_from_this<Operation<T>> {
public:
    using Results = std::vector<Result<T>>;

    Operation(std::shared_ptr<spi::Runtime> runtime, std::size_t size, std::function<void(Results)> done)
        : runtime_(std::move(runtime)), results_(size), missing_(size), done_(std::move(done)) {}

    void complete(std::size_t index, Result<T> result) {
        {
            const std::lock_guard lock(mutex_);
            if (!done_ || results_[index]) return;
            results_[index].emplace(std::move(result));
            if (--missing_ != 0) return;
        }
        finish(std::nullopt);
    }

    /// If the key has no result by the deadline, it gets this, if that comes before `until`.
    void offer(std::size_t index, Result<T> result, SteadyTime until) {
        const std::lock_guard lock(mutex_);
        if (!done_ || results_[index]) return;
        offers_.resize(results_.size());
        offers_[index].emplace(Offer{std::move(result), until, false});
    }

    /// False if it is too late: the caller has it.
    bool withdraw_offer(std::size_t index) {
        const std::lock_guard lock(mutex_);
        if (index >= offers_.size() || !offers_[index]) return true;
        if (offers_[index]->taken) return false;
        offers_[index].reset();
        return true;
    }

    /// Whatever has no result yet gets this error.
    void fail(const Error& error) { finish(error); }

    /// Fails with Errc::timeout at `when` unless complete by then.
    void fail_at(SteadyTime when, Error timeout) {
        const std::lock_guard lock(mutex_);
        if (!done_) return;
        timer_ = runtime_->call_at(when, [weak = this->weak_from_this(), timeout = std::move(timeout)] {
            if (auto self = weak.lock()) self->fail(timeout);
        });
    }

    bool over() const {
        const std::lock_guard lock(mutex_);
        return !done_;
    }

private:
    void finish(const std::optional<Error>& error) {
        std::function<void(Results)> done;
        Results results;
        spi::Runtime::TimerId timer = 0;
        {
            const std::lock_guard lock(mutex_);
            if (!done_) return;
            done = std::exchange(done_, nullptr);
            timer = timer_;
            results.reserve(results_.size());
            const bool late = error && *error == Errc::timeout;
            const auto now = late && !offers_.empty() ? runtime_->now() : SteadyTime();
            for (std::size_t i = 0; i < results_.size(); ++i) {
                if (auto& result = results_[i]) {
                    results.push_back(*std::move(result));
                } else if (late && i < offers_.size() && offers_[i] && now <= offers_[i]->until) {
                    offers_[i]->taken = true;
                    results.push_back(std::move(offers_[i]->result));
                } else {
                    results.emplace_back(*error);
                }
            }
        }
        if (timer != 0) runtime_->cancel(timer);
        done(std::move(results));
    }

    const std::shared_ptr<spi::Runtime> runtime_;
    mutable std::mutex mutex_;
    std::vector<std::optional<Result<T>>> results_;
    struct Offer {
        Result<T> result;
        SteadyTime until;
        bool taken = false; ///< the caller has it
    };
    std::vector<std::optional<Offer>> offers_; ///< empty without any
    std::size_t missing_;
    std::function<void(Results)> done_;
    spi::Runtime::TimerId timer_ = 0;
};

/// The calls under way, so that close() can answer them.
/// Thread safety: all members may be called concurrently.
template <class T>
class Operations {
public:
    void add(const std::shared_ptr<Operation<T>>& operation) {
        const std::lock_guard lock(mutex_);
        if (operations_.size() >= sweep_at_) {
            std::erase_if(operations_, [](const auto& weak) {
                const auto alive = weak.lock();
                return !alive || alive->over();
            });
            sweep_at_ = std::max<std::size_t>(64, 2 * operations_.size());
        }
        operations_.push_back(operation);
    }

    void fail_all(const Error& error) {
        std::vector<std::weak_ptr<Operation<T>>> all;
        {
            const std::lock_guard lock(mutex_);
            all.swap(operations_);
        }
        for (const auto& weak : all) {
            if (const auto operation = weak.lock()) operation->fail(error);
        }
    }

private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<Operation<T>>> operations_;
    std::size_t sweep_at_ = 64;
};

} // namespace tiercel::chain
