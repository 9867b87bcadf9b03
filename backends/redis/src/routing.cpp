#include "routing.hpp"

#include <algorithm>
#include <numeric>

namespace tiercel::redis {

KeyGroups::KeyGroups(std::span<const Slot> slots, std::size_t most) {
    places_.resize(slots.size());
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    if (!std::is_sorted(slots.begin(), slots.end())) {
        std::sort(places_.begin(), places_.end(),
                  [&](std::size_t a, std::size_t b) { return slots[a] != slots[b] ? slots[a] < slots[b] : a < b; });
    }
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= places_.size(); ++i) {
        if (i < places_.size() && i - begin < most && slots[places_[i]] == slots[places_[begin]]) continue;
        ends_.push_back(i);
        begin = i;
    }
}

std::span<const std::size_t> KeyGroups::operator[](std::size_t group) const noexcept {
    const std::size_t begin = group == 0 ? 0 : ends_[group - 1];
    return std::span(places_.data(), places_.size()).subspan(begin, ends_[group] - begin);
}

std::vector<NodePart> split_by_owner(const SlotMap& map, const Commands& commands, const Places& places) {
    std::vector<NodePart> parts;
    constexpr std::size_t none = SIZE_MAX;
    std::vector<std::size_t> part_of(map.nodes().size() + 1, none); // the last is nobody's
    for (const auto place : places) {
        const auto owner = map.owner(commands.slot(place));
        auto& part = part_of[owner ? *owner : map.nodes().size()];
        if (part == none) {
            part = parts.size();
            parts.push_back({owner, {}});
        }
        parts[part].places.push_back(place);
    }
    return parts;
}

} // namespace tiercel::redis
