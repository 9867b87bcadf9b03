#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace tiercel::chain {

/// A value that arrives once, from any thread, for one coroutine that waits for it. The first set() counts.
/// Thread safety: set() may be called concurrently with everything; one coroutine waits.
/// Lifetime: held by shared_ptr by both sides.
template <class T>
class Signal : public std::enable_shared_from_this<Signal<T>> {
public:
    void set(T value) {
        std::function<void()> resume;
        {
            const std::lock_guard lock(mutex_);
            if (value_) return;
            value_.emplace(std::move(value));
            resume = std::exchange(resume_, nullptr);
        }
        if (resume) resume();
    }

    boost::asio::awaitable<T> wait() {
        auto self = this->shared_from_this();
        co_await arrival();
        co_return *std::move(self->value_);
    }

private:
    boost::asio::awaitable<void> arrival() {
        return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
            [this](auto handler) {
                auto shared = std::make_shared<decltype(handler)>(std::move(handler));
                auto resume = [shared] {
                    const auto executor = boost::asio::get_associated_executor(*shared);
                    boost::asio::post(executor, std::move(*shared));
                };
                {
                    const std::lock_guard lock(mutex_);
                    if (!value_) {
                        resume_ = std::move(resume);
                        return;
                    }
                }
                resume();
            },
            boost::asio::use_awaitable);
    }

    std::mutex mutex_;
    std::optional<T> value_;
    std::function<void()> resume_;
};

} // namespace tiercel::chain
