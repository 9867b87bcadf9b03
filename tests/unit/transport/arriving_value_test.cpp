#include "transport/arriving_value.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tiercel::transport {
namespace {

constexpr std::size_t kib = 1024;

Bytes some_bytes(std::size_t size) {
    Bytes bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>(i * 2'654'435'761U >> 13);
    return bytes;
}

/// Puts the next bytes of `from` into the room there is; how many.
std::size_t fill(ArrivingValue& value, BytesView from) {
    const auto room = value.room();
    const auto bytes = from.copy(room.data(), room.size());
    value.filled(bytes);
    return bytes;
}

TEST(ArrivingValue, is_what_came_by_whichever_way) {
    std::mt19937 random(1);
    for (const std::size_t size : {1 * kib, 31 * kib, 64 * kib, 65 * kib, 1000 * kib, 9000 * kib}) {
        const auto expected = some_bytes(size);
        ArrivingValue value(1 * kib);
        value.begin(size);
        for (BytesView rest = expected; !rest.empty();) {
            ASSERT_EQ(value.left(), rest.size());
            const auto part = rest.substr(0, 1 + random() % (40 * kib));
            std::size_t went = 0;
            if (random() % 2 == 0) went = fill(value, part);
            if (went == 0) {
                value.append(part);
                went = part.size();
            }
            rest.remove_prefix(went);
        }
        EXPECT_EQ(value.left(), 0U);
        EXPECT_TRUE(value.take() == expected) << size;
    }
}

TEST(ArrivingValue, has_no_room_for_the_bytes_after_it) {
    const auto expected = some_bytes(100 * kib);
    ArrivingValue value(32 * kib);
    value.begin(expected.size());
    for (BytesView rest = expected; !rest.empty();) {
        ASSERT_LE(value.room().size(), rest.size());
        const auto went = fill(value, rest);
        if (went == 0) {
            EXPECT_LT(rest.size(), 32 * kib / 4) << "the end is read with what follows";
            value.append(rest);
        }
        rest.remove_prefix(went == 0 ? rest.size() : went);
    }
    EXPECT_TRUE(value.room().empty());
    EXPECT_TRUE(value.take() == expected);
}

TEST(ArrivingValue, gets_room_for_what_came_and_not_for_what_was_announced) {
    ArrivingValue value(32 * kib);
    value.begin(60'000 * kib);
    value.append("abc");
    EXPECT_LE(value.take().capacity(), 64 * kib);

    value.begin(60'000 * kib);
    EXPECT_LE(value.room().size(), 64 * kib);
    value.append(some_bytes(100 * kib));
    EXPECT_LE(value.take().capacity(), 16 * 100 * kib);
}

TEST(ArrivingValue, has_its_place_for_good_when_a_16th_has_come) {
    constexpr std::size_t size = 1024 * kib;
    ArrivingValue value(32 * kib);
    value.begin(size);
    value.append(some_bytes(size / 16));
    const char* const place = value.room().data() - size / 16;
    while (value.left() > 0)
        value.filled(value.room().size());
    EXPECT_EQ(value.take().data(), place);
}

TEST(ArrivingValue, moves_no_more_than_a_16th_of_itself_and_a_step) {
    for (const std::size_t size : {65 * kib, 256 * kib, 257 * kib, 1024 * kib, 5000 * kib, 60'000 * kib}) {
        ArrivingValue value(32 * kib);
        value.begin(size);
        value.append(some_bytes(16 * kib - 10)); // a read, less what was before it
        std::size_t moved = 0;
        const char* begin = nullptr;
        while (value.left() > 0) {
            const auto room = value.room();
            if (room.empty()) break;
            const std::size_t came = size - value.left();
            const char* const place = room.data() - came;
            if (begin != nullptr && place != begin) moved += came;
            begin = place;
            value.filled(std::min(room.size(), 16 * kib));
        }
        EXPECT_LE(moved, size / 15 + 64 * kib) << size;
    }
}

TEST(ArrivingValue, begins_anew) {
    ArrivingValue value(1 * kib);
    value.begin(100 * kib);
    value.append(some_bytes(70 * kib));
    value.begin(2 * kib);
    const auto expected = some_bytes(2 * kib);
    EXPECT_EQ(fill(value, expected), expected.size());
    EXPECT_TRUE(value.take() == expected);
}

} // namespace
} // namespace tiercel::transport
