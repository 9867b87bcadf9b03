#pragma once

#include <tiercel/detail/entry.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tiercel::memory {

using detail::Entry;

/// How a policy hears of uses. Without a lock a use can only be counted in the entry; whoever wants to hear of it as it
/// happens makes readers take the shard's lock.
struct Uses {
    enum class Told : std::uint8_t {
        none,
        /// Of keys whose hash has none of the bits of `sample`, if the use could be counted (it was not yet count_to),
        /// and only if the shard's lock is free.
        some,
        all,
    };
    std::uint8_t count_to = 0; ///< Entry::uses() grows to this and stays; 0: not counted
    Told told = Told::none;    ///< whether on_hit is called
    std::uint64_t sample = 0;
};

/// Why an entry goes.
enum class Exit : std::uint8_t {
    evicted, ///< the policy's victim
    dropped, ///< erased, expired, or replaced when it was dead
};

/// Orders the entries of one shard by who leaves next. Knows nothing of keys, weights, expiry or locks.
/// Thread safety: none; the shard's lock guards it. Entry::uses() alone may move under it, upwards.
/// Lifetime: entries are not owned; all must have left, or be about to be dropped together, when it goes.
/// Errors: only prepare() and set_capacity() may throw.
///
/// The order of calls: prepare, then victim and on_remove for as long as there is no room, then on_insert. An entry
/// goes in by on_insert or on_replace and leaves by on_remove or on_replace; room for a heavier value is made after its
/// on_replace.
class Policy {
public:
    virtual ~Policy() = default;

    /// A policy of the same kind for another shard of the same store, if the shards' policies have something in common;
    /// null if one made by PolicyKind::make does as well. Any thread, without this policy's lock.
    virtual std::unique_ptr<Policy> sibling() const { return nullptr; }

    /// May change: with each set_capacity, and while a store that is bounded by weight only fills.
    virtual Uses uses() const noexcept = 0;

    /// The most entries that the shard will hold; 0: bounded by weight only, take what it holds for its capacity.
    /// Called before anything else, and whenever the bound changes.
    virtual void set_capacity(std::uint64_t /*entries*/) {}

    /// A key of this hash, which the shard does not hold, is about to go in. Allocates what its on_insert needs.
    virtual void prepare(std::uint64_t /*hash*/) {}

    /// An entry of that key goes in. Its uses() are 0 and its `place` is free to use.
    virtual void on_insert(Entry& entry) noexcept = 0;

    /// A reader found it: called as uses() asked. Allocates nothing.
    virtual void on_hit(Entry& /*entry*/) noexcept {}

    /// `fresh`, a new value of the same key, goes in for `old`, which leaves.
    virtual void on_replace(Entry& old, Entry& fresh) noexcept = 0;

    /// It leaves for any other reason.
    virtual void on_remove(Entry& entry, Exit why) noexcept = 0;

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
