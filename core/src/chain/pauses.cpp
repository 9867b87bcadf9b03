#include "pauses.hpp"

namespace tiercel::chain {

boost::asio::awaitable<void> Pauses::rest(std::shared_ptr<spi::Runtime> runtime, SteadyTime until) {
    const auto wake = std::make_shared<Wake>();
    {
        const std::lock_guard lock(mutex_);
        if (over_) co_return;
        resting_.emplace(wake.get(), wake);
    }
    const auto timer = runtime->call_at(until, [wake] { wake->set(true); });
    (void)co_await wake->wait();
    runtime->cancel(timer);
    const std::lock_guard lock(mutex_);
    resting_.erase(wake.get());
}

void Pauses::cut_short() {
    std::unordered_map<Wake*, std::weak_ptr<Wake>> resting;
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
        resting.swap(resting_);
    }
    for (const auto& [address, weak] : resting) {
        if (const auto wake = weak.lock()) wake->set(true);
    }
}

} // namespace tiercel::chain
