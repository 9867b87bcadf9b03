#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::redis {

/// Which of some named members has a key: consistent hashing over a ring of 64-bit points. The order of the members
/// does not matter. The README gives the computation; what is stored by it stays where it is only while it is not
/// changed.
/// Thread safety: const members may be called concurrently.
class HashRing {
public:
    struct Member {
        std::string name;       ///< no two alike
        std::size_t weight = 1; ///< its share of the keys, compared with the others'; at least 1
    };

    static constexpr std::size_t points_per_weight = 160;

    /// At least one member. 16 bytes a point.
    explicit HashRing(const std::vector<Member>& members);

    /// Its place among the members.
    std::size_t owner(BytesView key) const noexcept;

private:
    struct Point {
        std::uint64_t at;
        std::size_t member;
    };

    std::vector<Point> points_; // ascending
};

} // namespace tiercel::redis
