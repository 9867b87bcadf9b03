#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tiercel::zstd {

/// Idle contexts, ready for the next call. Traits: type, `make()` (null if there is no memory), `bytes(context)`,
/// and a deleter.
/// Thread safety: all members may be called concurrently; a context belongs to whoever took it.
template <class Traits>
class ContextPool {
public:
    using Context = std::unique_ptr<typename Traits::type, typename Traits::Deleter>;

    static constexpr std::size_t max_idle = 16;
    /// Larger ones are freed: one large value must not hold memory for good.
    static constexpr std::size_t max_idle_bytes = std::size_t{8} << 20U;

    ContextPool() { idle_.reserve(max_idle); }

    /// Null if there is no memory for one.
    Context take() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                Context context = std::move(idle_.back());
                idle_.pop_back();
                return context;
            }
        }
        return Context(Traits::make());
    }

    void give_back(Context context) noexcept {
        if (Traits::bytes(*context) > max_idle_bytes) return;
        const std::lock_guard lock(mutex_);
        if (idle_.size() < max_idle) idle_.push_back(std::move(context));
    }

private:
    std::mutex mutex_;
    std::vector<Context> idle_;
};

} // namespace tiercel::zstd
