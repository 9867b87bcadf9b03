#pragma once

#include <tiercel/spi/clock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

namespace tiercel::redis {

/// Coroutines on one strand that wait to be woken together.
/// Thread safety: none; all on that strand.
class Waiters {
public:
    /// Returns when woken, or when `until` has come.
    boost::asio::awaitable<void> wait(boost::asio::any_io_executor strand, SteadyTime until) {
        boost::asio::steady_timer timer(strand, until);
        waiting_.push_back(&timer);
        boost::system::error_code ignored; // woken, or the time has come
        co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
        std::erase(waiting_, &timer);
    }

    void wake_all() {
        for (auto* timer : waiting_)
            timer->cancel();
    }

private:
    std::vector<boost::asio::steady_timer*> waiting_;
};

} // namespace tiercel::redis
