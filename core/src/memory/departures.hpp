#pragma once

#include "memory/queue_policy.hpp"

#include <tiercel/removal.hpp>

namespace tiercel::memory {

using detail::EntryPtr;
using RemovalListener = std::function<void(const Entry&, RemovalCause)>;

/// Entries that left a shard during one call, in that order: told of to the listener and let go of when it goes out of
/// scope, which is after the shard's lock was released. Chained through the hooks that they used in the policy, so that
/// leaving allocates nothing.
/// Thread safety: none; lives on the stack of the call.
class Departures {
public:
    explicit Departures(const RemovalListener& listener) noexcept : listener_(listener) {}
    Departures(const Departures&) = delete;
    Departures& operator=(const Departures&) = delete;

    ~Departures() {
        while (!left_.empty()) {
            const EntryPtr entry(&left_.front(), false);
            left_.pop_front();
            if (listener_) listener_(*entry, entry->left);
        }
    }

    /// The entry must be out of table, policy and wheel.
    void add(EntryPtr entry, RemovalCause cause) noexcept {
        entry->left = cause;
        left_.push_back(*entry.detach());
    }

private:
    const RemovalListener& listener_;
    PolicyQueue left_; ///< holds one reference to each
};

} // namespace tiercel::memory
