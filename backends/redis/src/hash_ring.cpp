#include "hash_ring.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace tiercel::redis {

namespace {

std::uint64_t place_on_ring(BytesView bytes) noexcept {
    return XXH64(bytes.data(), bytes.size(), 0);
}

} // namespace

HashRing::HashRing(const std::vector<Member>& members) {
    std::size_t count = 0;
    for (const auto& member : members)
        count += member.weight * points_per_weight;
    points_.reserve(count);
    for (std::size_t i = 0; i < members.size(); ++i) {
        for (std::size_t k = 0; k < members[i].weight * points_per_weight; ++k)
            points_.push_back({place_on_ring(members[i].name + "-" + std::to_string(k)), i});
    }
    std::sort(points_.begin(), points_.end(), [&](const Point& a, const Point& b) {
        return a.at != b.at ? a.at < b.at : members[a.member].name < members[b.member].name;
    });
}

std::size_t HashRing::owner(BytesView key) const noexcept {
    const auto at = place_on_ring(key);
    const auto next = std::lower_bound(points_.begin(), points_.end(), at,
                                       [](const Point& point, std::uint64_t place) { return point.at < place; });
    return (next == points_.end() ? points_.front() : *next).member;
}

} // namespace tiercel::redis
