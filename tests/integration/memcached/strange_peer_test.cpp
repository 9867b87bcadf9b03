#include "calls.hpp"
#include "peer.hpp"

#include "support/redis_server.hpp"
#include "support/server.hpp"

#include <gmock/gmock.h>

#include <ostream>

namespace tiercel::test {
namespace {

using ::testing::HasSubstr;

/// Greets as memcached does, then answers everything with `reply`.
Peer::Answer memcached_that_says(std::string reply) {
    return [reply = std::move(reply)](const std::string& line) -> std::string {
        if (line.empty()) return "";
        return line == "version\r\n" ? "VERSION 1.6.18\r\n" : reply;
    };
}

class NoMemcached : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(NoMemcached, is_recognised_before_anything_is_asked_of_it) {
    const std::string greeting = GetParam().first;
    const std::string reply = GetParam().second;
    const Peer peer([&](const std::string& line) { return line.empty() ? greeting : reply; });
    const Calls cache(peer.address(), {.request_timeout = 2s, .retry_interval = 1ms});
    EXPECT_EQ(text(cache.put("k", "v")), "protocol_error");
    const auto found = cache.get("k");
    EXPECT_FALSE(found);
    EXPECT_THAT(found.error().message(), HasSubstr(peer.address()));
    EXPECT_FALSE(cache.erase("k"));
    EXPECT_FALSE(cache.ping());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, NoMemcached,
    ::testing::Values(std::pair("220 mail.example.org ESMTP\r\n", "250 OK\r\n"),
                      std::pair("", "HTTP/1.1 400 Bad Request\r\n\r\n"), std::pair("", "-ERR unknown command\r\n"),
                      std::pair("", "OK\r\n"), std::pair("", "END\r\n"), std::pair("", "STORED\r\n"),
                      std::pair("SSH-2.0-OpenSSH_9.2\r\n", "Invalid SSH identification string.\r\n"),
                      std::pair("", "ERROR\r\n")));

TEST(MemcachedStrangePeer, a_redis_server_is_a_protocol_error) {
    RedisServer redis;
    const Calls cache("127.0.0.1:" + std::to_string(redis.port()));
    EXPECT_EQ(text(cache.get("k")), "<protocol_error>");
}

TEST(MemcachedStrangePeer, one_that_accepts_and_never_answers_costs_the_deadline) {
    const Peer peer([](const std::string&) { return std::string(); });
    const Calls cache(peer.address());
    EXPECT_EQ(text(cache.get("k", 50ms)), "<timeout>");
    EXPECT_EQ(text(cache.put("k", "v", {}, 50ms)), "timeout");
}

TEST(MemcachedStrangePeer, one_that_hangs_up_at_once_is_a_failed_connection) {
    const Peer peer([](const std::string&) { return Peer::hang_up; });
    const Calls cache(peer.address());
    EXPECT_EQ(text(cache.get("k")), "<connection_failed>");
    EXPECT_EQ(text(cache.put("k", "v")), "connection_failed");
}

TEST(MemcachedStrangePeer, nobody_at_all_is_a_failed_connection_that_says_so) {
    const auto address = "127.0.0.1:" + std::to_string(free_loopback_port());
    const auto found = Calls(address).get("k");
    EXPECT_EQ(text(found), "<connection_failed>");
    EXPECT_THAT(found.error().message(), HasSubstr(address));
    EXPECT_THAT(found.error().message(), HasSubstr("is the server running"));
}

TEST(MemcachedStrangePeer, an_unknown_host_is_a_failed_connection_that_says_so) {
    const auto found = Calls("no-such-host.invalid").get("k");
    EXPECT_FALSE(found);
    EXPECT_THAT(found.error().message(), HasSubstr("no-such-host.invalid"));
}

TEST(MemcachedStrangePeer, a_socket_that_is_not_there_is_a_failed_connection) {
    const Calls cache("unix:///no/such/memcached.sock");
    EXPECT_EQ(text(cache.get("k")), "<connection_failed>");
    EXPECT_EQ(text(cache.put("k", "v")), "connection_failed");
}

TEST(MemcachedStrangePeer, an_address_that_cannot_be_reached_is_a_failed_connection) {
    const Calls cache("255.255.255.255");
    EXPECT_EQ(text(cache.get("k")), "<connection_failed>");
}

struct Reply {
    const char* text;
    const char* outcome;
};
std::ostream& operator<<(std::ostream& out, const Reply& reply) {
    return out << reply.text;
}

class BadReply : public ::testing::TestWithParam<Reply> {};

TEST_P(BadReply, to_a_read_is_an_error_and_never_nothing) {
    const Peer peer(memcached_that_says(GetParam().text));
    const Calls cache(peer.address());
    EXPECT_EQ(text(cache.get("k", 2s)), GetParam().outcome);
    const auto found = cache.get_many({"a", "b"}, 2s);
    EXPECT_FALSE(found[0]);
    EXPECT_FALSE(found[1]);
}

INSTANTIATE_TEST_SUITE_P(
    Replies, BadReply,
    ::testing::Values(Reply{"ERROR\r\n", "<protocol_error>"}, Reply{"SERVER_ERROR\r\n", "<server_error>"},
                      Reply{"SERVER_ERROR busy\r\n", "<server_error>"},
                      Reply{"SERVER_ERROR out of memory writing get response\r\n", "<out_of_memory>"},
                      Reply{"CLIENT_ERROR unauthenticated\r\n", "<authentication_failed>"},
                      Reply{"STORED\r\n", "<protocol_error>"}, Reply{"DELETED\r\n", "<protocol_error>"},
                      Reply{"OK\r\n", "<protocol_error>"}, Reply{"42\r\n", "<protocol_error>"},
                      Reply{"VALUE other 0 1 7\r\nx\r\nEND\r\n", "<protocol_error>"},
                      Reply{"VALUE k 0 300000000 7\r\nx\r\nEND\r\n", "<protocol_error>"},
                      Reply{"VALUE k 0 99999999999 7\r\nx\r\nEND\r\n", "<protocol_error>"},
                      Reply{"VALUE k 0 18446744073709551615 7\r\nx\r\nEND\r\n", "<protocol_error>"},
                      Reply{"VALUE k 0 1 7\r\nx\r\nVALUE k 0 1 8\r\ny\r\nEND\r\n", "<protocol_error>"}));

TEST(MemcachedStrangePeer, a_key_longer_than_any_is_survived) {
    for (const std::size_t length : {251u, 252u, 260u, 300u, 330u, 400u, 5'000u}) {
        for (const char c : {'a', 'b'}) { // odd and even: the bits behind the overrun buffer
            const Peer peer(memcached_that_says("VALUE " + std::string(length, c) + " 0 1 7\r\nx\r\nEND\r\n"));
            EXPECT_FALSE(Calls(peer.address()).get("k", 2s));
            const Peer cut([&](const std::string& line) -> std::string {
                if (line.empty()) return "";
                if (line == "version\r\n") return "VERSION 1.6.18\r\n";
                if (line.starts_with("gets")) return "VALUE " + std::string(length, c) + " 0 100 7\r\n";
                return Peer::hang_up;
            });
            EXPECT_FALSE(Calls(cut.address()).get("k", 50ms));
        }
    }
}

TEST(MemcachedStrangePeer, a_value_that_stops_in_the_middle_is_a_timeout) {
    const Peer peer(memcached_that_says("VALUE k 0 10 7\r\nabc"));
    EXPECT_EQ(text(Calls(peer.address()).get("k", 100ms)), "<timeout>");
}

TEST(MemcachedStrangePeer, what_arrived_before_the_failure_is_kept) {
    const Peer peer(memcached_that_says("VALUE a 0 1 7\r\nx\r\nSERVER_ERROR busy\r\n"));
    const auto found = Calls(peer.address()).get_many({"a", "b"});
    EXPECT_EQ(text(found[0]), "x");
    EXPECT_EQ(text(found[1]), "<server_error>");
    EXPECT_THAT(found[1].error().message(), HasSubstr("refused: busy"));
}

} // namespace
} // namespace tiercel::test
