#pragma once

#include "transport/call.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace tiercel::redis {

/// A call made by something that lives on a strand, and is told there what came of it. Owns nothing of it, so that a
/// call left behind by an event loop that ends keeps nothing alive.
template <class Owner, class Then>
class StrandCall final : public transport::Call {
public:
    /// `then` gets the owner and the call, on the strand, unless the owner has gone.
    StrandCall(std::weak_ptr<Owner> owner, boost::asio::any_io_executor strand, Then then, Bytes request_bytes,
               std::size_t command_count, SteadyTime latest)
        : Call(std::move(request_bytes), command_count, latest),
          owner_(std::move(owner)),
          strand_(std::move(strand)),
          then_(std::move(then)) {}

private:
    void done() noexcept override {
        auto owner = owner_.lock();
        if (!owner) return;
        boost::asio::post(strand_, [owner = std::move(owner), self = boost::intrusive_ptr<StrandCall>(this)] {
            self->then_(*owner, std::as_const(*self));
        });
    }

    const std::weak_ptr<Owner> owner_;
    const boost::asio::any_io_executor strand_;
    const Then then_;
};

template <class Owner, class Then>
transport::CallPtr strand_call(std::weak_ptr<Owner> owner, boost::asio::any_io_executor strand, Then then,
                               Bytes request, std::size_t commands, SteadyTime latest) {
    return transport::CallPtr(new StrandCall<Owner, Then>(std::move(owner), std::move(strand), std::move(then),
                                                          std::move(request), commands, latest));
}

} // namespace tiercel::redis
