#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tiercel::memory {

/// The keys that left lately, in two queues by when they left. Of a key it knows 31 bits of its hash: a stranger is
/// taken for one of n ghosts with a probability of n / 2^31.
///
///     oldest                     youngest
///     nodes:  f1 ◄► f7 ◄► f2 ◄► f9        linked by index, one list a queue
///              ▲     ▲
///     heads: [ │  -  │  -  - ]            by fingerprint; nodes of one head are chained
///
/// Thread safety: none. Errors: only reserve() may throw, and then has changed nothing.
/// Cost: O(1) each, but reserve; 20 bytes for each ghost that there is room for.
class GhostQueues {
public:
    enum Queue : std::uint8_t { first, second };

    GhostQueues() = default;

    /// Sees to room for more ghosts, `most` in all at the most, growing by doubling; gives memory back when `most` is
    /// far below what there is. Ghosts beyond `most` must have been forgotten.
    void reserve(std::size_t most);

    std::size_t size(Queue queue) const noexcept { return lists_[queue].size; }
    std::size_t size() const noexcept { return size(first) + size(second); }
    std::size_t bytes() const noexcept;

    /// With so many residents, as many of them as this may share a fingerprint with a ghost by chance. For tests.
    std::size_t coincidences_allowed(std::size_t residents) const noexcept {
        return (std::uint64_t{residents} * size()) >> 25; // 64 times what is to be expected
    }

    bool contains(std::uint64_t hash) const noexcept;

    /// Takes the key out and says where it was; empty if it was in neither.
    std::optional<Queue> take(std::uint64_t hash) noexcept;

    /// Becomes the youngest of `queue`; without room, the oldest of it goes, and if there is none nothing happens.
    void push(Queue queue, std::uint64_t hash) noexcept;

    /// The queue is not empty.
    void forget_oldest(Queue queue) noexcept;

    /// Forgets the oldest of `queue` until no more than `most` are left in it.
    void trim(Queue queue, std::size_t most) noexcept {
        while (size(queue) > most)
            forget_oldest(queue);
    }

private:
    using Index = std::uint32_t;
    static constexpr Index none = ~Index{0};

    struct Node {
        std::uint32_t fingerprint; ///< 31 bits of the hash, and the queue in the lowest
        Index older;
        Index younger; ///< in the free list: the next free one
        Index chained;
    };

    struct List {
        Index oldest = none;
        Index youngest = none;
        std::size_t size = 0;
    };

    GhostQueues(std::size_t room, const GhostQueues& ghosts);

    static std::uint32_t fingerprint_of(std::uint64_t hash) noexcept;
    Index& head_of(std::uint32_t fingerprint) noexcept;
    Index find(std::uint32_t fingerprint) const noexcept;
    void add(Queue queue, std::uint32_t fingerprint) noexcept;
    void remove(Index index) noexcept;

    std::vector<Node> nodes_;
    std::vector<Index> heads_; ///< as many as nodes
    Index free_ = none;
    std::array<List, 2> lists_;
};

} // namespace tiercel::memory
