#pragma once

#include "signal.hpp"

#include <tiercel/spi/runtime.hpp>

#include <memory>
#include <mutex>
#include <unordered_map>

namespace tiercel::chain {

/// Coroutines that rest until a time, or until close(), which cuts it short.
/// Thread safety: all members may be called concurrently; what is woken runs outside our lock.
class Pauses {
public:
    /// Returns at `until`, or soon after cut_short().
    boost::asio::awaitable<void> rest(std::shared_ptr<spi::Runtime> runtime, SteadyTime until);

    /// Ends all that rest; none rests after.
    void cut_short();

private:
    using Wake = Signal<bool>;

    std::mutex mutex_;
    std::unordered_map<Wake*, std::weak_ptr<Wake>> resting_; ///< one for each rest() under way
    bool over_ = false;
};

} // namespace tiercel::chain
