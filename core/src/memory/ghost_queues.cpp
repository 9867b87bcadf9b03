#include "memory/ghost_queues.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <utility>

namespace tiercel::memory {
namespace {

constexpr std::size_t least_room = 64;
constexpr std::uint32_t queue_bit = 1;

} // namespace

GhostQueues::GhostQueues(std::size_t room, const GhostQueues& ghosts) : nodes_(room), heads_(room, none) {
    for (std::size_t index = room; index-- != 0;) {
        nodes_[index].younger = free_;
        free_ = static_cast<Index>(index);
    }
    for (const Queue queue : {first, second})
        for (Index at = ghosts.lists_[queue].oldest; at != none; at = ghosts.nodes_[at].younger)
            add(queue, ghosts.nodes_[at].fingerprint & ~queue_bit);
}

void GhostQueues::reserve(std::size_t most) {
    most = std::min(most, std::size_t{none});
    const std::size_t needed = std::min(most, std::max(least_room, size() + size() / 4));
    const bool is_ample = nodes_.size() / 4 > std::max(most, least_room);
    if (nodes_.size() < needed || is_ample) *this = GhostQueues(std::max(std::min(most, 2 * needed), size()), *this);
}

std::size_t GhostQueues::bytes() const noexcept {
    return nodes_.capacity() * sizeof(Node) + heads_.capacity() * sizeof(Index);
}

bool GhostQueues::contains(std::uint64_t hash) const noexcept {
    return find(fingerprint_of(hash)) != none;
}

std::optional<GhostQueues::Queue> GhostQueues::take(std::uint64_t hash) noexcept {
    const Index index = find(fingerprint_of(hash));
    if (index == none) return std::nullopt;
    const auto queue = static_cast<Queue>(nodes_[index].fingerprint & queue_bit);
    remove(index);
    return queue;
}

void GhostQueues::push(Queue queue, std::uint64_t hash) noexcept {
    take(hash); // another key with this fingerprint
    if (free_ == none) {
        if (size(queue) == 0) return;
        forget_oldest(queue);
    }
    add(queue, fingerprint_of(hash));
}

void GhostQueues::forget_oldest(Queue queue) noexcept {
    remove(lists_[queue].oldest);
}

std::uint32_t GhostQueues::fingerprint_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(detail::mix(hash) >> 32) & ~queue_bit;
}

GhostQueues::Index& GhostQueues::head_of(std::uint32_t fingerprint) noexcept {
    return heads_[std::uint64_t{fingerprint} * heads_.size() >> 32];
}

GhostQueues::Index GhostQueues::find(std::uint32_t fingerprint) const noexcept {
    if (heads_.empty()) return none;
    Index at = const_cast<GhostQueues*>(this)->head_of(fingerprint);
    while (at != none && (nodes_[at].fingerprint & ~queue_bit) != fingerprint)
        at = nodes_[at].chained;
    return at;
}

/// There is a free node.
void GhostQueues::add(Queue queue, std::uint32_t fingerprint) noexcept {
    const Index index = free_;
    List& list = lists_[queue];
    Index& head = head_of(fingerprint);
    Node& node = nodes_[index];
    free_ = node.younger;
    node = {fingerprint | queue, list.youngest, none, head};
    head = index;
    (list.youngest == none ? list.oldest : nodes_[list.youngest].younger) = index;
    list.youngest = index;
    ++list.size;
}

void GhostQueues::remove(Index index) noexcept {
    Node& node = nodes_[index];
    Index* link = &head_of(node.fingerprint & ~queue_bit);
    while (*link != index)
        link = &nodes_[*link].chained;
    *link = node.chained;

    List& list = lists_[node.fingerprint & queue_bit];
    (node.older == none ? list.oldest : nodes_[node.older].younger) = node.younger;
    (node.younger == none ? list.youngest : nodes_[node.younger].older) = node.older;
    --list.size;
    node.younger = free_;
    free_ = index;
}

} // namespace tiercel::memory
