#pragma once

#include "counters.hpp"
#include "scope.hpp"

#include <tiercel/event.hpp>
#include <tiercel/spi/runtime.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace tiercel::chain {

/// Tells the user's listener what happened: one event at a time, in the order of tell(), on a worker thread. The scope
/// counts the telling, so that close() waits for it; what happens after close() has begun is told only if somebody is
/// telling already, and nothing is after close() has returned.
/// Bounded: `most_waiting` events, for a listener that blocks; the newest beyond that is dropped and counted.
/// Thread safety: all members may be called concurrently; no lock is held while the listener runs.
class Events : public std::enable_shared_from_this<Events> {
public:
    using Listener = std::function<void(const Event&)>;
    static constexpr std::size_t most_waiting = 1'024;
    /// How long the last event waits for the listener to return from the one before.
    static constexpr std::chrono::seconds last_words{1};

    /// `listener` may be empty: nobody listens.
    Events(std::string cache_name, Listener listener, std::shared_ptr<spi::Runtime> runtime,
           std::shared_ptr<Scope> scope)
        : cache_name_(std::move(cache_name)),
          listener_(std::move(listener)),
          runtime_(std::move(runtime)),
          scope_(std::move(scope)) {}

    void tell(Event::What what);
    /// At the end of close(), on its thread, when the scope is over: after this nothing is told. Waits while the
    /// listener has another event. Dropped if that takes longer than last_words, or if it is the listener who closes.
    void tell_last(Event::What what);

    std::uint64_t dropped() const noexcept { return dropped_.get(); }
    /// Times that the listener threw.
    std::uint64_t failures() const noexcept { return failures_.get(); }

private:
    void begin_telling();
    void tell_all();
    void tell_one(const Event& event) noexcept;

    const std::string cache_name_;
    const Listener listener_;
    const std::shared_ptr<spi::Runtime> runtime_;
    const std::shared_ptr<Scope> scope_;
    Counter dropped_, failures_;

    std::mutex mutex_;
    // Guarded by mutex_:
    std::deque<Event> waiting_;
    bool telling_ = false;   ///< a worker is at it, or about to be
    std::thread::id teller_; ///< who is in the listener; looks at the scope after this is set, so that tell_last(),
                             ///< which comes when the scope is over, either sees it or is alone
    std::condition_variable returned_; ///< from the listener
};

} // namespace tiercel::chain
