#include "node_address.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

TEST(NodeAddress, is_host_and_port) {
    EXPECT_EQ(parse_node_address("127.0.0.1:6381"), (NodeAddress{"127.0.0.1", 6381}));
    EXPECT_EQ(parse_node_address("node-1.example:1"), (NodeAddress{"node-1.example", 1}));
    EXPECT_EQ(parse_node_address("::1:7000"), (NodeAddress{"::1", 7000}));
    EXPECT_EQ((NodeAddress{"::1", 7000}).text(), "::1:7000");
}

TEST(NodeAddress, may_leave_the_host_to_the_one_who_was_asked) {
    EXPECT_EQ(parse_node_address(":6381"), (NodeAddress{"", 6381}));
}

TEST(NodeAddress, is_nothing_else) {
    for (const char* text : {"", "host", "host:", "host:0", "host:-1", "host:65536", "host:99999999999999999999",
                             "host:1x", "host: 1", "host:+1", "?:6381", "ho st:1", "ho\tst:1", "a@b:1", "h\x80:1"})
        EXPECT_FALSE(parse_node_address(text)) << text;
    EXPECT_FALSE(parse_node_address(std::string(256, 'h') + ":1"));
    EXPECT_FALSE(parse_node_address(std::string("h\0:1", 4)));
}

} // namespace
} // namespace tiercel::redis
