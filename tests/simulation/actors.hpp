#pragma once

#include "process.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <vector>

namespace tiercel::simulation {

/// Those who use the caches: each call begins one operation on a process's cache and writes down what came of it.
/// Lifetime: outlives the operations. Thread safety: none; the run has one thread.
class Actors {
public:
    Actors(const Surroundings& surroundings, std::uint64_t seed) : surroundings_(surroundings), dice_(seed) {}

    /// Begins an operation of any kind, as chance has it.
    void act(Process& process);

    void read(Process& process, Act act, std::vector<Key> keys);
    /// A read of one key whose awaitable is made at once and awaited later.
    void read_lazily(Process& process, Act act, Key key);
    void put(Process& process, Key key);
    void invalidate(Process& process, std::vector<Key> keys);
    void clear(Process& process);
    void prime(Process& process);

    /// Nothing but what is asked for: no odd options, no cancelling, nothing done at once afterwards.
    void settle_down() noexcept { settled_down_ = true; }
    /// The next operation is cancelled so much after it began, unless it has ended.
    void cancel_next_after(nanoseconds delay) { cancel_next_after_ = delay; }

private:
    using Signal = std::shared_ptr<boost::asio::cancellation_signal>;

    Key any_key() { return static_cast<Key>(dice_.below(surroundings_.settings.keys)); }
    std::size_t begin(Process& process, Act act, std::vector<Key> keys, CallOptions& options);
    /// The last word on an operation; now and then the same actor does something at once with the same key.
    void finish(Process& process, std::size_t index, std::vector<KeyResult> results);
    Signal perhaps_cancel(std::size_t index);
    template <class Handler>
    auto token(const Signal& signal, Handler handler);

    const Surroundings surroundings_;
    Dice dice_;
    bool settled_down_ = false;
    std::optional<nanoseconds> cancel_next_after_;
};

} // namespace tiercel::simulation
