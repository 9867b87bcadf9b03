#pragma once

#include <tiercel/detail/entry.hpp>

#include <algorithm>

namespace tiercel::memory {

using detail::Entry;
using detail::Nanos;
using detail::never;

/// When an entry is not served as fresh any more: from the earlier of its own expiry and its last use plus the time it
/// may lie unused. And when it dies: then, or where stale values are kept, that much after its own expiry.
///
///     fresh ──expires──► stale, if it has a value ──keep_stale later──► dead
///       \───────────────────── unused for after_access ─────────────────►
struct ExpiryRule {
    Nanos after_access = never; ///< `never`: uses do not matter
    Nanos keep_stale = 0;       ///< 0: what is not fresh is dead

    bool slides() const noexcept { return after_access != never; }

    /// `never`, or the first moment at which the entry is not fresh. Uses only move it later.
    Nanos fresh_until(const Entry& entry) const noexcept { return std::min(entry.expires, unused_until(entry)); }

    /// `never`, or the first moment at which the entry is dead. Uses only move it later.
    Nanos deadline(const Entry& entry) const noexcept {
        return std::min(sum(entry.expires, entry.has_value() ? keep_stale : 0), unused_until(entry));
    }

    bool can_die(const Entry& entry) const noexcept { return slides() || entry.expires != never; }

private:
    static Nanos sum(Nanos time, Nanos duration) noexcept { return time > never - duration ? never : time + duration; }
    Nanos unused_until(const Entry& entry) const noexcept {
        return slides() ? sum(entry.last_used.load(std::memory_order_relaxed), after_access) : never;
    }
};

} // namespace tiercel::memory
