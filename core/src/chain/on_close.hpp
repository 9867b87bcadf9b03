#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tiercel::chain {

/// What is to hear of close() because it may be at rest when it happens: a priming that waits for its rate.
/// Thread safety: all members may be called concurrently; what is called holds no lock of ours.
class OnClose {
public:
    /// `heard` is called at most once, at once if it is too late, and not after `owner` has gone.
    void add(std::weak_ptr<void> owner, std::function<void()> heard) {
        {
            const std::lock_guard lock(mutex_);
            if (!closed_) {
                std::erase_if(listeners_, [](const Listener& listener) { return listener.owner.expired(); });
                listeners_.push_back({std::move(owner), std::move(heard)});
                return;
            }
        }
        heard();
    }

    void call() {
        std::vector<Listener> listeners;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            listeners.swap(listeners_);
        }
        for (const auto& listener : listeners) {
            if (const auto owner = listener.owner.lock()) listener.heard();
        }
    }

private:
    struct Listener {
        std::weak_ptr<void> owner;
        std::function<void()> heard;
    };

    std::mutex mutex_;
    std::vector<Listener> listeners_;
    bool closed_ = false;
};

} // namespace tiercel::chain
