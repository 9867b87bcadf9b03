#include "meta_request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tiercel::memcached {
namespace {

using namespace std::chrono_literals;
using Kind = Operation::Kind;

std::string request(const Operation& operation, std::time_t expiration = 0, std::uint32_t tag = 7) {
    Bytes out;
    append_request(out, operation, expiration, tag);
    EXPECT_LE(out.size(), request_bytes(operation));
    return out;
}

TEST(MetaRequest, has_a_form_for_each_operation) {
    EXPECT_EQ(request({.kind = Kind::get, .key = "k"}), "mg k v c t O7\r\n");
    EXPECT_EQ(request({.kind = Kind::touch, .key = "k"}, 60), "mg k T60 O7\r\n");
    EXPECT_EQ(request({.kind = Kind::erase, .key = "k"}), "md k O7\r\n");
    EXPECT_EQ(request({.kind = Kind::set, .key = "k", .value = "a\r\nb"}, 60), "ms k 4 T60 O7\r\na\r\nb\r\n");
    EXPECT_EQ(request({.kind = Kind::set, .key = "k"}), "ms k 0 T0 O7\r\n\r\n");
    EXPECT_EQ(request({.kind = Kind::add, .key = "k", .value = "v"}), "ms k 1 ME T0 O7\r\nv\r\n");
    EXPECT_EQ(request({.kind = Kind::cas, .key = "k", .value = "v", .version = 42}), "ms k 1 C42 T0 O7\r\nv\r\n");
}

TEST(MetaRequest, sends_a_key_of_any_bytes_in_base64) {
    EXPECT_EQ(request({.kind = Kind::get, .key = "a b"}), "mg YSBi b v c t O7\r\n");
    EXPECT_EQ(request({.kind = Kind::get, .key = BytesView("\0\xff", 2)}), "mg AP8= b v c t O7\r\n");
    EXPECT_EQ(request({.kind = Kind::erase, .key = "\r"}), "md DQ== b O7\r\n");
    EXPECT_EQ(request({.kind = Kind::set, .key = "a\r\nflush_all", .value = "v"}),
              "ms YQ0KZmx1c2hfYWxs 1 b T0 O7\r\nv\r\n");
}

TEST(MetaRequest, estimates_the_longest_ones_as_long_enough) {
    const Bytes plain(max_key_bytes, 'k');
    const Bytes binary(max_binary_key_bytes, '\0');
    for (const auto* key : {&plain, &binary}) {
        request({.kind = Kind::cas, .key = *key, .value = "v", .version = UINT64_MAX}, INT32_MAX, UINT32_MAX);
        request({.kind = Kind::get, .key = *key}, 0, UINT32_MAX);
    }
}

TEST(MetaRequest, says_which_keys_a_server_can_have) {
    EXPECT_FALSE(is_possible_key(""));
    EXPECT_TRUE(is_possible_key(Bytes(250, 'k')));
    EXPECT_FALSE(is_possible_key(Bytes(251, 'k')));
    EXPECT_TRUE(is_possible_key(Bytes(186, ' ')));
    EXPECT_FALSE(is_possible_key(Bytes(187, ' ')));
    EXPECT_FALSE(is_possible_key(Bytes(186, 'k') + "\x7f"));
}

} // namespace
} // namespace tiercel::memcached
