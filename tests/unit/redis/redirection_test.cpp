#include "redirection.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

TEST(Redirection, moved_and_ask_name_a_slot_and_a_node) {
    const auto moved = parse_redirection("MOVED 3999 127.0.0.1:6381");
    ASSERT_TRUE(moved && *moved);
    EXPECT_EQ((*moved)->kind, Redirection::Kind::moved);
    EXPECT_EQ((*moved)->slot, 3999);
    EXPECT_EQ((*moved)->to, (NodeAddress{"127.0.0.1", 6381}));
    const auto ask = parse_redirection("ASK 16383 host:1");
    ASSERT_TRUE(ask && *ask);
    EXPECT_EQ((*ask)->kind, Redirection::Kind::ask);
    EXPECT_EQ((*ask)->slot, 16383);
    EXPECT_EQ((*ask)->to, (NodeAddress{"host", 1}));
}

TEST(Redirection, may_leave_the_host_out) {
    const auto moved = parse_redirection("MOVED 0 :6381");
    ASSERT_TRUE(moved && *moved);
    EXPECT_EQ((*moved)->to, (NodeAddress{"", 6381}));
}

TEST(Redirection, is_not_every_error) {
    for (const char* reply :
         {"", "ERR unknown command", "CROSSSLOT Keys in request don't hash to the same slot",
          "TRYAGAIN Multiple keys request during rehashing of slot", "MOVED", "MOVEDX 1 h:1", "ASKING 1 h:1"}) {
        const auto parsed = parse_redirection(reply);
        ASSERT_TRUE(parsed) << reply;
        EXPECT_FALSE(*parsed) << reply;
    }
}

TEST(Redirection, to_nowhere_is_a_protocol_error) {
    for (const char* reply :
         {"MOVED ", "MOVED x h:1", "MOVED -1 h:1", "MOVED 16384 h:1", "MOVED 99999999999999999999 h:1", "MOVED 1",
          "MOVED 1 ", "MOVED 1h:1", "MOVED 1 h", "MOVED 1 h:0", "MOVED 1 h:65536", "MOVED 1 ?:6381", "ASK 1  h:1"}) {
        const auto parsed = parse_redirection(reply);
        ASSERT_FALSE(parsed) << reply;
        EXPECT_EQ(parsed.error().code(), Errc::protocol_error) << reply;
    }
}

} // namespace
} // namespace tiercel::redis
