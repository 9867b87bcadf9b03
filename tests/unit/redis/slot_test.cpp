#include "slot.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

TEST(Slot, is_crc16_xmodem_of_the_key) {
    EXPECT_EQ(slot_of("123456789"), 0x31C3 % slot_count);
    // As CLUSTER KEYSLOT of redis 7.0 has it.
    EXPECT_EQ(slot_of("foo"), 12182);
    EXPECT_EQ(slot_of("bar"), 5061);
    EXPECT_EQ(slot_of("hello"), 866);
    EXPECT_EQ(slot_of("somekey"), 11058);
    EXPECT_EQ(slot_of(""), 0);
}

TEST(Slot, of_a_hash_tag_is_that_of_what_is_in_it) {
    EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
    EXPECT_EQ(slot_of("{user1000}.followers"), slot_of("user1000"));
    EXPECT_EQ(slot_of("foo{hash_tag}"), 2515);
    EXPECT_EQ(slot_of("foo{hash_tag}"), slot_of("hash_tag"));
    EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
    EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
}

TEST(Slot, of_an_empty_or_open_hash_tag_is_that_of_the_whole_key) {
    EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
    EXPECT_EQ(slot_of("foo{}{bar}"), 8363);
    EXPECT_NE(slot_of("foo{bar"), slot_of("bar"));
    EXPECT_NE(slot_of("}foo{bar"), slot_of("bar"));
    EXPECT_EQ(slot_of("}foo{bar}"), slot_of("bar"));
}

} // namespace
} // namespace tiercel::redis
