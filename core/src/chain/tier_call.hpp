#pragma once

#include "planted_bug.hpp"
#include "tier.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

namespace tiercel::chain {

/// Whole milliseconds, at least one: a backend must not keep a value for longer than it lives, nor for ever.
inline std::optional<std::chrono::milliseconds> to_ttl(std::optional<std::chrono::nanoseconds> life) {
    if (!life) return std::nullopt;
    return std::max(std::chrono::milliseconds(1), std::chrono::floor<std::chrono::milliseconds>(*life));
}

/// Whether a write that failed like this may still be applied: what does not say no may mean yes.
bool may_be_applied(Errc code);

/// Why it failed, if it did.
inline std::optional<Error> error_of(const spi::Lookup& lookup) {
    return lookup ? std::nullopt : std::optional(lookup.error());
}
inline std::optional<Error> error_of(const Result<spi::Conditional>& result) {
    return result ? std::nullopt : std::optional(result.error());
}
inline std::optional<Error> error_of(const TierOutcome& outcome) {
    return outcome.kind == TierOutcome::Kind::failed ? outcome.error : std::nullopt;
}

/// One call to the backend, and everything it works on: it may outlive whoever asked.
struct Tier::Call {
    std::vector<Bytes> keys;
    std::vector<Bytes> values;
    std::vector<BytesView> views;
    std::vector<spi::PutItem> items;
    std::vector<std::size_t> at;        // items[i] is for outcome at[i]
    std::vector<std::size_t> erased_at; // views[i] is for outcome erased_at[i], of a put that erases instead
    std::vector<std::uint64_t> hashes;
    std::vector<TierOutcome> outcomes;
    std::vector<Bytes> bare; // of a lease items[i] that carries a value: without it; else empty
    std::vector<std::optional<spi::Version>> versions; // that items[i] is to replace; empty: nothing is to be there
    /// A lease to be ended, of keys[i].
    struct Ending {
        wire::Fingerprint key;
        std::uint64_t hash = 0;
        Hold hold{};
        std::optional<Stored> value{};
    };
    std::vector<Ending> endings;
    spi::CallContext context{};
    bool with_marker = false;
    SteadyTime began{};
    std::optional<Breaker::Round> round; // empty: the breaker is not to hear of it
    std::atomic<bool> judged{false};
};

/// One key that was answered shows that there is somebody: of a cluster whose other nodes are down, the rest is in use.
template <class Result>
Tier::Health Tier::health_of(const std::vector<Result>& results) {
    Health health;
    for (const auto& result : results) {
        auto of_key = health_of(error_of(result));
        if (of_key.kind == Health::Kind::answered) return of_key;
        if (health.kind == Health::Kind::unknown) health = std::move(of_key);
    }
    return health;
}

/// Starts `work` on the event loop; whichever comes first, its result or the deadline, is the signal's value. Nothing
/// starts once close() has returned: work that close() has given up waiting for may still get here.
template <class T>
std::shared_ptr<Signal<T>> Tier::bounded(std::shared_ptr<Call> call, SteadyTime deadline, std::function<T(Error)> late,
                                         std::function<boost::asio::awaitable<T>(Tier&, Call&)> work) {
    auto signal = std::make_shared<Signal<T>>();
    call->context.deadline = deadline;
    call->began = context_.runtime->now();
    const auto shared_late = std::make_shared<std::function<T(Error)>>(std::move(late));
    const auto timer = context_.runtime->call_at(deadline, [signal, shared_late, call, self = shared_from_this()] {
        const Error timeout(Errc::timeout, "tier '" + self->name_ + "' did not answer within its timeout");
        self->judge(*call, {Health::Kind::failed, timeout});
        signal->set((*shared_late)(timeout));
    });
    auto run = [](std::shared_ptr<Tier> self, std::shared_ptr<Call> owned, std::shared_ptr<Signal<T>> result,
                  std::shared_ptr<std::function<T(Error)>> failed,
                  std::function<boost::asio::awaitable<T>(Tier&, Call&)> job,
                  spi::Runtime::TimerId guard) -> boost::asio::awaitable<void> {
        std::optional<T> value;
        std::string thrown;
        const bool is_late = self->context_.scope->over() && !planted(Bug::fill_begins_after_close);
        if (is_late) value.emplace((*failed)(Error(Errc::closed, "the cache was closed")));
        try {
            if (!is_late) value.emplace(co_await job(*self, *owned));
        } catch (const std::exception& error) {
            thrown = error.what();
        } catch (...) {
            thrown = "something that is no std::exception";
        }
        self->context_.runtime->cancel(guard);
        if (value) {
            self->judge(*owned, health_of(*value));
        } else {
            const Error error(Errc::server_error, "backend '" + self->name_ + "' threw: " + thrown);
            self->judge(*owned, {Health::Kind::failed, error});
            value.emplace((*failed)(error));
        }
        result->set(*std::move(value));
    };
    boost::asio::co_spawn(context_.runtime->executor_here(),
                          run(shared_from_this(), std::move(call), signal, shared_late, std::move(work), timer),
                          boost::asio::detached);
    return signal;
}

} // namespace tiercel::chain
