#pragma once

#include <tiercel/detail/entry.hpp>

#include <algorithm>

namespace tiercel::memory {

using detail::Entry;
using detail::Nanos;
using detail::never;

/// When an entry dies: at the earlier of its own expiry and its last use plus the time it may lie unused.
struct ExpiryRule {
    Nanos after_access = never; ///< `never`: uses do not matter

    bool slides() const noexcept { return after_access != never; }

    /// `never`, or the first moment at which the entry is dead. Uses only move it later.
    Nanos deadline(const Entry& entry) const noexcept {
        if (!slides()) return entry.expires;
        const Nanos used = entry.last_used.load(std::memory_order_relaxed);
        const Nanos idle = used > never - after_access ? never : used + after_access;
        return std::min(entry.expires, idle);
    }

    bool can_die(const Entry& entry) const noexcept { return slides() || entry.expires != never; }
};

} // namespace tiercel::memory
