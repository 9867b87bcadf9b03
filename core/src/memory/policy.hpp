#pragma once

#include <tiercel/detail/entry.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tiercel::memory {

using detail::Entry;

/// Orders the entries of one shard by who leaves next. Knows nothing of keys, bounds, expiry or locks.
/// Thread safety: none; the shard's lock guards it.
/// Lifetime: entries are not owned; all must have left, or be about to be dropped together, when it goes.
/// Errors: only prepare() may throw.
///
/// The order of calls: an entry goes in by on_insert or on_replace and leaves by on_remove or on_replace; room for a
/// new key is made before its on_insert, room for a heavier value after its on_replace.
class Policy {
public:
    virtual ~Policy() = default;

    /// Allocates what the next on_insert needs.
    virtual void prepare() {}

    /// An entry of a key that the shard does not hold goes in.
    virtual void on_insert(Entry& entry) noexcept = 0;

    /// A reader found it. Allocates nothing.
    virtual void on_hit(Entry& entry) noexcept = 0;

    /// `fresh`, a new value of the same key, goes in for `old`, which leaves.
    virtual void on_replace(Entry& old, Entry& fresh) noexcept = 0;

    /// It leaves for any other reason.
    virtual void on_remove(Entry& entry) noexcept = 0;

    /// Who leaves next, `spared` excepted; null if there is nobody else. It does not leave by this call.
    virtual Entry* victim(const Entry* spared) noexcept = 0;

    /// Visits each entry once; the first broken invariant, or empty. For tests.
    virtual std::string walk(const std::function<void(const Entry&)>& visit) const = 0;
};

/// What an Eviction points to: defined once for each policy, with static lifetime.
struct PolicyKind {
    std::string_view name;
    std::unique_ptr<Policy> (*make)();
};

} // namespace tiercel::memory
