#pragma once

#include "transport/call.hpp"
#include "transport/connections.hpp"
#include "transport/resumer.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace tiercel::transport {

/// A call that a coroutine awaits. The coroutine goes on at its own executor, which has work until then. If it is
/// cancelled, as Asio does that, it goes on at once, with Errc::cancelled.
class AwaitedCall final : public Call {
public:
    using Call::Call;

    /// Sends the call over one of the connections and waits until it is settled. `owner` owns all that these need,
    /// their event loop included.
    static boost::asio::awaitable<void> settle(std::shared_ptr<const void> owner, Connections& connections,
                                               boost::intrusive_ptr<AwaitedCall> call) {
        namespace asio = boost::asio;
        auto start = [&connections](SuspendedCoroutine handler, std::shared_ptr<const void> kept,
                                    boost::intrusive_ptr<AwaitedCall> started) {
            // Once submitted, the coroutine may be running elsewhere, and be over, and so may the backend: only what
            // is owned here is there until the end.
            const auto executor = handler.get_executor();
            const auto slot = asio::get_associated_cancellation_slot(handler);
            started->handler_.emplace(std::move(handler));
            if (auto loop = spi::RunLoop::of(executor); loop && loop.get() == spi::RunLoop::current()) {
                const auto* const driven = connections.driven();
                if (driven && loop->begin_driving(*driven, kept)) {
                    const auto to = *driven;
                    started->driven_by_ = loop;
                    started->cancel_with(slot, to);
                    to->submit(started, loop);
                    return;
                }
            }
            auto to = connections.next();
            if (to->resumer()->is_at(executor)) {
                started->resumer_ = to->resumer();
            } else {
                started->work_ = asio::prefer(executor, asio::execution::outstanding_work.tracked);
            }
            started->cancel_with(slot, to);
            to->submit(started);
            to.reset(); // before the event loop that it lives on
            kept.reset();
        };
        return asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable, std::move(owner),
                                                                           std::move(call));
    }

private:
    /// The slot outlives the call, and may outlive the connection.
    template <class AnyConnection>
    void cancel_with(boost::asio::cancellation_slot slot, const std::shared_ptr<AnyConnection>& connection) {
        if (!slot.is_connected()) return;
        slot.assign([weak = std::weak_ptr(connection),
                     call = boost::intrusive_ptr<AwaitedCall>(this)](boost::asio::cancellation_type) {
            if (const auto to = weak.lock()) to->cancel(call);
        });
    }

    void done() noexcept override {
        auto handler = std::move(*handler_);
        handler_.reset();
        if (const auto resumer = std::move(resumer_)) {
            resumer->resume_soon(std::move(handler));
            return;
        }
        if (const auto loop = std::move(driven_by_)) loop->end_driving();
        const auto work = std::move(work_);
        boost::asio::post(std::move(handler));
    }

    // How it goes on: by one of these; by a job of its own where only its executor is known.
    std::optional<SuspendedCoroutine> handler_;
    std::shared_ptr<Resumer> resumer_;        // at the event loop of the connections
    std::shared_ptr<spi::RunLoop> driven_by_; // on the thread that drives
    boost::asio::any_io_executor work_;       // so that it is there until then, where nobody else sees to that
};

} // namespace tiercel::transport
