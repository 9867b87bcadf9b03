#include "line_client.hpp"

#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace tiercel::test {
namespace {

class FaultProxyTest : public testing::Test {
protected:
    RedisServer server;
    FaultProxy proxy{server.port()};
};

TEST_F(FaultProxyTest, passes_both_ways) {
    TcpClient client(loopback(proxy.port()));
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
    EXPECT_EQ(client.ask("ECHO again", "again\r\n"), "$5\r\nagain\r\n");
    EXPECT_EQ(proxy.accepted(), 1U);
}

TEST_F(FaultProxyTest, delay_holds_replies_back) {
    proxy.delay(std::chrono::milliseconds(50));
    TcpClient client(loopback(proxy.port()));
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(50));
}

TEST_F(FaultProxyTest, swallow_eats_replies_but_not_requests) {
    proxy.swallow();
    TcpClient client(loopback(proxy.port()));
    client.send("SET k v");
    EXPECT_EQ(client.read_some(50), std::nullopt);
    EXPECT_EQ(TcpClient(loopback(server.port())).ask("GET k", "v\r\n"), "$1\r\nv\r\n");
    proxy.pass();
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, close_after_cuts_a_reply_in_two) {
    proxy.close_after(3);
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PO");
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PO");
}

TEST_F(FaultProxyTest, slice_delivers_every_byte) {
    proxy.slice();
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, troubles_cut_and_delay_but_lose_no_byte_of_a_stream_that_goes_on) {
    proxy.trouble(1, {.delayed = 500, .sliced = 1000, .longest_delay = std::chrono::microseconds(500)});
    TcpClient client(loopback(proxy.port()));
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(client.ask("ECHO a-rather-long-word", "word\r\n"), "$18\r\na-rather-long-word\r\n");
    const auto met = proxy.met();
    EXPECT_GE(met.sliced, 50U);
    EXPECT_GE(met.delayed, 1U);
    EXPECT_EQ(met.closed + met.stalled, 0U);
}

TEST_F(FaultProxyTest, troubles_close_in_the_middle_of_a_reply) {
    proxy.trouble(1, {.closed = 1000});
    for (int i = 0; i < 10; ++i) {
        const auto reply = TcpClient(loopback(proxy.port())).ask("ECHO word", "word\r\n");
        EXPECT_LT(reply.size(), 10U);
        EXPECT_TRUE(std::string("$4\r\nword\r\n").starts_with(reply)) << reply;
    }
    EXPECT_EQ(proxy.met().closed, 10U);
}

TEST_F(FaultProxyTest, a_stalled_connection_stays_so) {
    proxy.trouble(1, {.stalled = 1000});
    TcpClient client(loopback(proxy.port()));
    client.send("PING");
    EXPECT_EQ(client.read_some(50), std::nullopt);
    proxy.pass();
    client.send("PING");
    EXPECT_EQ(client.read_some(50), std::nullopt);
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, swallow_after_cuts_a_reply_in_two_and_keeps_the_connection_open_and_silent) {
    proxy.swallow_after(3);
    TcpClient client(loopback(proxy.port()));
    client.send("PING");
    EXPECT_EQ(client.read_until("PO"), "+PO");
    EXPECT_EQ(client.read_some(50), std::nullopt);
    proxy.pass();
    client.send("PING");
    EXPECT_EQ(client.read_some(50), std::nullopt) << "a stream that goes on has no bytes missing";
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, a_half_open_connection_leads_nowhere_for_good) {
    TcpClient old(loopback(proxy.port()));
    EXPECT_EQ(old.ask("PING"), "+PONG\r\n");
    proxy.half_open();
    old.send("SET k v");
    EXPECT_EQ(old.read_some(50), std::nullopt);
    TcpClient young(loopback(proxy.port()));
    young.send("SET k v");
    EXPECT_EQ(young.read_some(50), std::nullopt);
    EXPECT_EQ(TcpClient(loopback(server.port())).ask("GET k"), "$-1\r\n") << "no request got there";
    proxy.pass();
    young.send("PING");
    EXPECT_EQ(young.read_some(50), std::nullopt);
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, corrupt_flips_bits_and_neither_adds_nor_loses_a_byte) {
    const std::string sent(2000, 'x');
    proxy.corrupt(1, 100);
    TcpClient client(loopback(proxy.port()));
    client.send("ECHO " + sent);
    std::string reply;
    for (const std::size_t all = std::string("$2000\r\n").size() + sent.size() + 2; reply.size() < all;) {
        const auto bytes = client.read_some(20'000);
        ASSERT_TRUE(bytes);
        reply += *bytes;
    }
    const std::string whole = "$2000\r\n" + sent + "\r\n";
    ASSERT_EQ(reply.size(), whole.size());
    std::size_t different = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
        different += reply[i] != whole[i];
    EXPECT_EQ(different, proxy.corrupted());
    EXPECT_GE(different, 5U);
    EXPECT_LE(different, 80U);
    proxy.pass();
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, refuse_closes_and_refuses_until_told_otherwise) {
    TcpClient old(loopback(proxy.port()));
    EXPECT_EQ(old.ask("PING"), "+PONG\r\n");
    proxy.refuse();
    EXPECT_EQ(old.ask("PING"), "");
    EXPECT_FALSE(TcpClient(loopback(proxy.port())).connected());
    proxy.pass();
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PONG\r\n");
}

TEST_F(FaultProxyTest, drop_connections_leaves_the_door_open) {
    TcpClient old(loopback(proxy.port()));
    EXPECT_EQ(old.ask("PING"), "+PONG\r\n");
    proxy.drop_connections();
    EXPECT_EQ(old.ask("PING"), "");
    EXPECT_EQ(TcpClient(loopback(proxy.port())).ask("PING"), "+PONG\r\n");
}

} // namespace
} // namespace tiercel::test
