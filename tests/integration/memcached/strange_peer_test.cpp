#include "calls.hpp"
#include "peer.hpp"

#include "support/redis_server.hpp"
#include "support/server.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <functional>
#include <ostream>

namespace tiercel::test {
namespace {

using ::testing::HasSubstr;

class NoMemcached : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(NoMemcached, is_recognised_before_anything_is_asked_of_it) {
    const std::string greeting = GetParam().first;
    const std::string reply = GetParam().second;
    const Peer peer([&](const std::string& line) { return line.empty() ? greeting : reply; });
    const Calls cache(peer.address(), {.reconnect_delay_min = 1ms, .reconnect_delay_max = 1ms});
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
                      std::pair("", "VERSION 1.4.0\r\n"), std::pair("", "HD O1\r\n"), std::pair("MN\r\n", "HD\r\n"),
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
    EXPECT_THAT(found.error().message(), HasSubstr("check that the server runs"));
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

/// Greets, then answers a request with what `reply` makes of its opaque's number.
Peer memcached_that_answers(std::function<std::string(std::uint32_t)> reply) {
    return Peer([reply = std::move(reply)](const std::string& line) -> std::string {
        if (line.empty()) return "";
        if (line.starts_with("mg tiercel:ping ")) return "EN O1\r\n";
        if (line == "mn\r\n") return "MN\r\n";
        const auto opaque = line.rfind(" O");
        return opaque == line.npos ? "" : reply(static_cast<std::uint32_t>(std::stoul(line.substr(opaque + 2))));
    });
}

struct Reply {
    const char* text; ///< with @ for the right opaque
    const char* outcome;
};
std::ostream& operator<<(std::ostream& out, const Reply& reply) {
    return out << reply.text;
}

std::string with_opaque(std::string text, std::uint32_t number) {
    const auto at = text.find('@');
    return at == text.npos ? text : text.replace(at, 1, "O" + std::to_string(number));
}

class BadReply : public ::testing::TestWithParam<Reply> {};

TEST_P(BadReply, to_a_read_is_an_error_and_never_nothing) {
    const Peer peer = memcached_that_answers([](std::uint32_t number) { return with_opaque(GetParam().text, number); });
    const Calls cache(peer.address(), {.reconnect_delay_min = 1ms, .reconnect_delay_max = 1ms});
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
                      Reply{"HD @\r\n", "<protocol_error>"}, Reply{"NS @\r\n", "<protocol_error>"},
                      Reply{"STORED\r\n", "<protocol_error>"}, Reply{"42\r\n", "<protocol_error>"},
                      Reply{"MN\r\n", "<protocol_error>"}, Reply{"EN\r\n", "<protocol_error>"},
                      Reply{"EN O0\r\n", "<protocol_error>"}, Reply{"EN O4294967295\r\n", "<protocol_error>"},
                      Reply{"VA 1 c1\r\nx\r\n", "<protocol_error>"},
                      Reply{"VA 1 c1 O4294967295\r\nx\r\n", "<protocol_error>"},
                      Reply{"VA -1 @\r\n", "<protocol_error>"}, Reply{"VA 99999999999 @\r\n", "<protocol_error>"},
                      Reply{"VA 1 @\r\nxyz\r\n", "<protocol_error>"}));

TEST(MemcachedStrangePeer, a_stale_item_is_nothing) {
    const Peer peer =
        memcached_that_answers([](std::uint32_t number) { return with_opaque("VA 1 c1 t-1 @ W X\r\nx\r\n", number); });
    EXPECT_EQ(text(Calls(peer.address()).get("k", 2s)), "<nothing>");
}

TEST(MemcachedStrangePeer, an_answer_to_another_request_reaches_nobody_and_ends_the_connection) {
    const Peer peer = memcached_that_answers(
        [](std::uint32_t number) { return "VA 1 c1 t-1 O" + std::to_string(number - 1) + "\r\nx\r\n"; });
    const auto found = Calls(peer.address()).get_many({"a", "b", "c"}, 2s);
    for (const auto& one : found) {
        EXPECT_EQ(text(one), "<protocol_error>");
        EXPECT_THAT(one.error().message(), HasSubstr("another request"));
        EXPECT_THAT(one.error().message(), HasSubstr(peer.address()));
    }
}

TEST(MemcachedStrangePeer, a_value_that_stops_in_the_middle_is_a_timeout) {
    const Peer peer = memcached_that_answers([](std::uint32_t) { return "VA 10 c1\r\nabc"; });
    EXPECT_EQ(text(Calls(peer.address()).get("k", 100ms)), "<timeout>");
}

TEST(MemcachedStrangePeer, a_value_over_the_limit_is_read_past) {
    const Peer peer = memcached_that_answers([](std::uint32_t number) {
        return with_opaque("VA 2000000 c1 @\r\n", number) + std::string(2'000'000, 'x') + "\r\n";
    });
    const auto found = Calls(peer.address()).get_many({"a", "b"}, 20s);
    EXPECT_EQ(text(found[0]), "<value_too_large>");
    EXPECT_EQ(text(found[1]), "<value_too_large>");
}

TEST(MemcachedStrangePeer, what_arrived_before_the_failure_is_kept) {
    int requests = 0;
    const Peer peer = memcached_that_answers([&](std::uint32_t number) {
        return ++requests == 1 ? with_opaque("VA 1 c7 t-1 @\r\nx\r\n", number) : "SERVER_ERROR busy\r\n";
    });
    const auto found = Calls(peer.address()).get_many({"a", "b"});
    EXPECT_EQ(text(found[0]), "x");
    EXPECT_EQ(text(found[1]), "<server_error>");
    EXPECT_THAT(found[1].error().message(), HasSubstr("refused: busy"));
}

} // namespace
} // namespace tiercel::test
