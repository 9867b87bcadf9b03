#pragma once

#include "node_address.hpp"
#include "slot.hpp"
#include "transport/reply.hpp"

#include <tiercel/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::redis {

using transport::Reply;

/// Which node owns which slot, as far as is known. 32 KiB and the addresses.
/// Thread safety: none.
class SlotMap {
public:
    /// A place in nodes(); good until the map changes.
    using NodeIndex = std::uint16_t;
    /// More than any cluster has; what a hostile peer can make us remember.
    static constexpr std::size_t max_nodes = 1024;

    SlotMap() { owners_.fill(nobody); }

    /// Reads the reply to CLUSTER SLOTS. An empty host is `asked_host`, that of the node that was asked; a range whose
    /// master has no known host ("?") is left without an owner, and such a replica out.
    /// Errors: protocol_error for what is no such reply, names a slot twice or too many nodes; not_ready if it names no
    /// owner of any slot.
    static Result<SlotMap> parse(const Reply& reply, const std::string& asked_host);

    bool is_empty() const noexcept { return owned_ == 0; }
    bool covers_all() const noexcept { return owned_ == slot_count; }

    /// Masters, and replicas as parse found them.
    const std::vector<NodeAddress>& nodes() const noexcept { return nodes_; }
    bool names(const NodeAddress& node) const { return indices_.contains(node); }
    /// Those that own slots, in ascending order.
    std::vector<NodeAddress> masters() const;

    std::optional<NodeIndex> owner(Slot slot) const noexcept;

    /// Of a master, as parse found them, ReplicationInfo::max_replicas at most; empty for others.
    std::vector<NodeAddress> replicas_of(const NodeAddress& master) const;

    /// Gives the slot to `to`. False, and nothing done, if that would be one node too many.
    bool move(Slot slot, const NodeAddress& to);

    /// Every slot has the same owner in both.
    bool has_same_owners(const SlotMap& other) const;

private:
    static constexpr NodeIndex nobody = UINT16_MAX;

    void add_replica(NodeIndex master, NodeIndex replica);
    std::optional<NodeIndex> index_of(const NodeAddress& node);

    std::array<NodeIndex, slot_count> owners_; // each nobody, or less than nodes_.size()
    std::size_t owned_ = 0;                    // of the above, not nobody
    std::vector<NodeAddress> nodes_;
    std::map<NodeAddress, NodeIndex> indices_;             // of each in nodes_
    std::map<NodeIndex, std::vector<NodeIndex>> replicas_; // of each master that has any
};

} // namespace tiercel::redis
