#pragma once

#include "commands.hpp"
#include "slot.hpp"
#include "slot_map.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace tiercel::redis {

/// Which keys of a batch go into one command: keys of one slot, and not too many.
/// Thread safety: none.
class KeyGroups {
public:
    /// `slots` are those of the keys; a group has `most` of them at most.
    KeyGroups(std::span<const Slot> slots, std::size_t most);

    std::size_t count() const noexcept { return ends_.size(); }
    /// The places of its keys in the batch, in ascending order.
    std::span<const std::size_t> operator[](std::size_t group) const noexcept;

private:
    boost::container::small_vector<std::size_t, 8> places_; // each place once, those of a slot together
    boost::container::small_vector<std::size_t, 8> ends_;   // of the groups in places_
};

/// Places in a batch of commands.
using Places = std::vector<std::size_t>;

/// What goes to one node.
struct NodePart {
    std::optional<SlotMap::NodeIndex> node; ///< empty: what nobody owns
    Places places;
};

/// Divides the commands at `places` by the owners of their slots: each in one part, in their order, no two parts alike.
std::vector<NodePart> split_by_owner(const SlotMap& map, const Commands& commands, const Places& places);

} // namespace tiercel::redis
