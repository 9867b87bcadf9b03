#pragma once

#include "transport/call.hpp"
#include "transport/connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace tiercel::transport {

/// A call that a coroutine awaits. The coroutine goes on at its own executor, which has work until then.
class AwaitedCall final : public Call {
public:
    using Call::Call;

    /// Sends the call and waits until it is settled. `owner` owns all that the connection needs, its event loop
    /// included.
    static boost::asio::awaitable<void> settle(std::shared_ptr<const void> owner,
                                               std::shared_ptr<Connection> connection,
                                               boost::intrusive_ptr<AwaitedCall> call) {
        namespace asio = boost::asio;
        auto start = [](Handler handler, std::shared_ptr<const void> kept, std::shared_ptr<Connection> to,
                        boost::intrusive_ptr<AwaitedCall> started) {
            // Once submitted, the coroutine may be running elsewhere, and be over, and so may the backend: only what
            // these parameters own is there until the end.
            started->work_ = asio::prefer(handler.get_executor(), asio::execution::outstanding_work.tracked);
            started->handler_.emplace(std::move(handler));
            to->submit(started);
            to.reset(); // before the event loop that it lives on
            kept.reset();
        };
        return asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable, std::move(owner),
                                                                           std::move(connection), std::move(call));
    }

private:
    using Handler = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;

    void done() noexcept override {
        auto handler = std::move(*handler_);
        handler_.reset();
        const auto work = std::move(work_);
        boost::asio::post(std::move(handler));
    }

    std::optional<Handler> handler_;
    boost::asio::any_io_executor work_;
};

} // namespace tiercel::transport
