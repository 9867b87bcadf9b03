#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tiercel {

namespace memory {
struct PolicyKind;
}

/// Which entry leaves the memory tier when it is full: an opaque value, made by the functions in tiercel::eviction.
/// Thread safety: a value type.
class Eviction {
public:
    std::string_view name() const noexcept;

    /// For the memory tier.
    explicit Eviction(const memory::PolicyKind& kind) noexcept : kind_(&kind) {}
    const memory::PolicyKind& kind() const noexcept { return *kind_; }

private:
    const memory::PolicyKind* kind_;
};

/// Every policy is exact within a shard: a cache with `.memory.shards = 1` follows it to the letter.
/// Entries past their expiry leave for that, and no policy has a say.
namespace eviction {

/// The least recently used entry leaves. Choose it when what was used lately will be used again soon, and scans over
/// more keys than fit are rare. O(1).
Eviction lru();

/// The least often used entry leaves; among equals the least recently used one. Counts live and die with the key's
/// stay: a new value keeps its key's count. Choose it when popularity is stable; it is slow to forget yesterday's
/// favourites. O(1) (after Shah, Mitra, Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme",
/// 2010).
Eviction lfu();

/// The oldest value leaves, however often it is used. A new value is young. Choose it when entries lose their worth
/// with age. O(1).
Eviction fifo();

/// The most recently used entry leaves, before the new one enters. Choose it for loops over more keys than fit,
/// where LRU never hits (Chou and DeWitt, "An evaluation of buffer management strategies", VLDB 1985). O(1).
Eviction mru();

/// The names of all policies, as Eviction::name() gives them, for messages and command lines.
std::span<const std::string_view> names() noexcept;

/// The policy of that name; empty if there is none.
std::optional<Eviction> named(std::string_view name) noexcept;

} // namespace eviction
} // namespace tiercel
