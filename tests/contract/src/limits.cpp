#include "scenario.hpp"

#include <algorithm>
#include <array>

namespace tiercel::testing::contract {
namespace {

/// Bytes that differ along the way, so that a piece lost or moved shows.
std::string bytes(std::size_t count) {
    std::string text(count, '\0');
    for (std::size_t i = 0; i < count; ++i)
        text[i] = static_cast<char>((i ^ (i >> 8) ^ (i >> 16)) & 0xff);
    return text;
}

/// Limits above this are taken on trust, to keep the suite cheap.
constexpr std::size_t practical = std::size_t{8} << 20;

void a_key_of_the_greatest_length_works(Subject& subject) {
    const std::size_t limit = subject.can().max_key_bytes;
    const std::size_t length = limit == 0 ? 10'000 : std::min<std::size_t>(limit, 100'000);
    std::string one = subject.key("");
    one.resize(length, 'k');
    std::string other = one;
    other.back() = 'l';
    EXPECT_EQ(describe(subject.put(one, "one")), "done");
    EXPECT_EQ(describe(subject.put(other, "other")), "done");
    EXPECT_EQ(subject.text(one), "one");
    EXPECT_EQ(subject.text(other), "other");
    EXPECT_EQ(describe(subject.erase(one)), "true");
    EXPECT_EQ(subject.text(other), "other");
}

void a_key_may_hold_every_byte_of_the_alphabet(Subject& subject) {
    const bool binary = subject.can().binary_keys;
    const int first = binary ? 0x00 : 0x21, last = binary ? 0xff : 0x7e;
    for (int byte = first; byte <= last; ++byte) {
        const auto key = subject.key(std::string("a") + static_cast<char>(byte) + "b");
        ASSERT_EQ(describe(subject.put(key, std::to_string(byte))), "done") << byte;
    }
    for (int byte = first; byte <= last; ++byte) {
        const auto key = subject.key(std::string("a") + static_cast<char>(byte) + "b");
        ASSERT_EQ(subject.text(key), std::to_string(byte));
    }
}

void a_value_of_the_greatest_size_works(Subject& subject) {
    const std::size_t limit = subject.can().max_value_bytes;
    const std::string value = bytes(limit == 0 ? practical : std::min(limit, practical));
    const auto key = subject.key("k");
    EXPECT_EQ(describe(subject.put(key, value)), "done");
    const auto found = subject.get(key);
    ASSERT_TRUE(found.has_value()) << found.error().message();
    ASSERT_TRUE(found->has_value());
    EXPECT_TRUE((*found)->value == value) << "got " << (*found)->value.size() << " bytes, or others";
}

void a_value_over_the_limit_is_refused_and_harms_nothing_else(Subject& subject) {
    const std::size_t limit = subject.can().max_value_bytes;
    const auto small = subject.key("small"), big = subject.key("big");
    // A limit too high to be tried here is at least not a low one.
    if (limit == 0 || limit > practical) {
        EXPECT_EQ(describe(subject.put(big, bytes(practical))), "done");
        return;
    }
    const std::string value = bytes(limit + 1);
    const std::array items = {spi::PutItem{small, "v", {}}, spi::PutItem{big, value, {}}};
    const auto stored = subject.run(subject.backend().put_many(items, subject.call()));
    ASSERT_EQ(stored.size(), 2U);
    EXPECT_EQ(describe(stored[0]), "done");
    EXPECT_EQ(describe(stored[1]), "(value_too_large)");
    EXPECT_EQ(subject.text(small), "v");
    EXPECT_EQ(subject.text(big), nothing);
    if (!subject.can().conditional_writes) return;
    EXPECT_EQ(describe(subject.put_if_absent(big, value)), "(value_too_large)");
    EXPECT_EQ(subject.text(big), nothing);
}

constexpr std::array scenarios = {
    TIERCEL_SCENARIO(a_key_of_the_greatest_length_works),
    TIERCEL_SCENARIO(a_key_may_hold_every_byte_of_the_alphabet),
    TIERCEL_SCENARIO(a_value_of_the_greatest_size_works),
    TIERCEL_SCENARIO(a_value_over_the_limit_is_refused_and_harms_nothing_else),
};

} // namespace

std::span<const Scenario> limits() {
    return scenarios;
}

} // namespace tiercel::testing::contract
