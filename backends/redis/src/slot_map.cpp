#include "slot_map.hpp"

#include "replication_info.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::redis {

namespace {

/// What a node of CLUSTER SLOTS says of where it is.
struct Announced {
    bool well_formed = false;
    std::optional<NodeAddress> address; ///< empty: no known host
};

Announced read_node(const Reply& node, const std::string& asked_host) {
    if (node.kind != Reply::Kind::array || node.elements.size() < 2) return {};
    const auto& host = node.elements[0];
    const auto& port = node.elements[1];
    if (host.kind != Reply::Kind::bulk && host.kind != Reply::Kind::nil) return {};
    if (port.kind != Reply::Kind::integer) return {};
    if (host.text == "?") return {.well_formed = true, .address = {}};
    auto address = make_node_address(host.text.empty() ? asked_host : host.text, port.integer);
    const bool well_formed = address.has_value();
    return {.well_formed = well_formed, .address = std::move(address)};
}

bool is_slot(const Reply& reply) {
    return reply.kind == Reply::Kind::integer && reply.integer >= 0 &&
           reply.integer < static_cast<long long>(slot_count);
}

} // namespace

Result<SlotMap> SlotMap::parse(const Reply& reply, const std::string& asked_host) {
    const Error bad(Errc::protocol_error, "this is no answer to CLUSTER SLOTS");
    if (reply.kind != Reply::Kind::array) return bad;
    SlotMap map;
    for (const auto& range : reply.elements) {
        if (range.kind != Reply::Kind::array || range.elements.size() < 3) return bad;
        if (!is_slot(range.elements[0]) || !is_slot(range.elements[1])) return bad;
        const auto first = static_cast<std::size_t>(range.elements[0].integer);
        const auto last = static_cast<std::size_t>(range.elements[1].integer);
        if (first > last) return bad;
        std::optional<NodeIndex> master;
        for (std::size_t i = 2; i < range.elements.size(); ++i) {
            const auto node = read_node(range.elements[i], asked_host);
            if (!node.well_formed) return bad;
            if (!node.address) continue;
            const auto index = map.index_of(*node.address);
            if (!index) return Error(Errc::protocol_error, "the cluster names more nodes than any cluster has");
            if (i > 2) {
                if (master) map.add_replica(*master, *index);
                continue;
            }
            master = index;
            for (auto slot = first; slot <= last; ++slot) {
                if (map.owners_[slot] != nobody) return bad;
                map.owners_[slot] = *index;
            }
            map.owned_ += last - first + 1;
        }
    }
    if (map.is_empty()) return Error(Errc::not_ready, "the node knows of no slots; has the cluster been created?");
    return map;
}

std::vector<NodeAddress> SlotMap::masters() const {
    std::vector<bool> owns(nodes_.size());
    for (const auto owner : owners_)
        if (owner != nobody) owns[owner] = true;
    std::vector<NodeAddress> masters;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (owns[i]) masters.push_back(nodes_[i]);
    std::sort(masters.begin(), masters.end());
    return masters;
}

std::optional<SlotMap::NodeIndex> SlotMap::owner(Slot slot) const noexcept {
    if (slot >= slot_count || owners_[slot] == nobody) return std::nullopt;
    return owners_[slot];
}

bool SlotMap::move(Slot slot, const NodeAddress& to) {
    if (slot >= slot_count) return false;
    const auto index = index_of(to);
    if (!index) return false;
    if (owners_[slot] == nobody) ++owned_;
    owners_[slot] = *index;
    return true;
}

void SlotMap::add_replica(NodeIndex master, NodeIndex replica) {
    auto& replicas = replicas_[master];
    if (replica == master || replicas.size() == ReplicationInfo::max_replicas) return;
    if (std::find(replicas.begin(), replicas.end(), replica) == replicas.end()) replicas.push_back(replica);
}

std::vector<NodeAddress> SlotMap::replicas_of(const NodeAddress& master) const {
    std::vector<NodeAddress> addresses;
    const auto index = indices_.find(master);
    if (index == indices_.end()) return addresses;
    const auto replicas = replicas_.find(index->second);
    if (replicas == replicas_.end()) return addresses;
    for (const auto replica : replicas->second)
        addresses.push_back(nodes_[replica]);
    return addresses;
}

bool SlotMap::has_same_owners(const SlotMap& other) const {
    if (owned_ != other.owned_) return false;
    std::vector<NodeIndex> translated;
    translated.reserve(nodes_.size());
    for (const auto& node : nodes_) {
        const auto found = other.indices_.find(node);
        translated.push_back(found == other.indices_.end() ? nobody : found->second);
    }
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
        const auto owner = owners_[slot] == nobody ? nobody : translated[owners_[slot]];
        if (owner != other.owners_[slot]) return false;
        if (owner == nobody && owners_[slot] != nobody) return false;
    }
    return true;
}

std::optional<SlotMap::NodeIndex> SlotMap::index_of(const NodeAddress& node) {
    const auto found = indices_.find(node);
    if (found != indices_.end()) return found->second;
    if (nodes_.size() == max_nodes) return std::nullopt;
    const auto index = static_cast<NodeIndex>(nodes_.size());
    nodes_.push_back(node);
    indices_.emplace(node, index);
    return index;
}

} // namespace tiercel::redis
