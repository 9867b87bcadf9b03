#include "server_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using namespace tiercel::memcached;
using testing::HasSubstr;
using tiercel::Errc;

TEST(ServerList, is_read_with_ports_and_weights) {
    const auto servers = parse_servers(
        " cache1, cache2:11212?weight=2,[::1]:7, [fe80::1] ,unix:///run/m.sock?weight=3,10.0.0.1?weight=4");
    ASSERT_TRUE(servers) << servers.error().message();
    ASSERT_EQ(servers->size(), 6u);
    const auto expect = [&](std::size_t i, std::string_view host, int port, unsigned weight) {
        EXPECT_EQ((*servers)[i].host, host);
        EXPECT_EQ((*servers)[i].port, port);
        EXPECT_EQ((*servers)[i].weight, weight);
    };
    expect(0, "cache1", 11211, 1);
    expect(1, "cache2", 11212, 2);
    expect(2, "::1", 7, 1);
    expect(3, "fe80::1", 11211, 1);
    expect(4, "/run/m.sock", 11211, 3);
    expect(5, "10.0.0.1", 11211, 4);
    EXPECT_TRUE(check(*servers));
}

class BadServerList : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(BadServerList, is_an_error_that_says_what_to_write) {
    const auto& [list, complaint] = GetParam();
    const auto made = connect(std::string_view(list));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), Errc::invalid_option);
    EXPECT_THAT(made.error().message(), HasSubstr(complaint));
    EXPECT_THAT(made.error().message(), HasSubstr("host:port"));
}

INSTANTIATE_TEST_SUITE_P(
    Entries, BadServerList,
    testing::Values(std::pair("", "a server is missing"), std::pair("a,,b", "a server is missing"),
                    std::pair("a,", "a server is missing"), std::pair(":11211", "the host is missing"),
                    std::pair("a:", "the port is"), std::pair("a:0", "the port is"),
                    std::pair("a:65536", "the port is"), std::pair("a:x", "the port is"),
                    std::pair("a:1x", "the port is"), std::pair("a:-1", "the port is"),
                    std::pair("a?weight=0", "only weight="), std::pair("a?weight=", "only weight="),
                    std::pair("a?wieght=2", "only weight="), std::pair("a?weight=99999999999", "only weight="),
                    std::pair("::1", "in brackets"), std::pair("[::1", "the closing ]"),
                    std::pair("[::1]x", "the port is"), std::pair("[]", "the host is missing"),
                    std::pair("unix://run/m.sock", "begins with /"), std::pair("memcached://a", "only unix sockets"),
                    std::pair("redis://a:6379", "only unix sockets"), std::pair("a b", "a space"),
                    std::pair("a\nb", "control character"), std::pair("a:1,b,a:1", "named twice")));

TEST(ServerList, of_structs_is_checked_too) {
    const auto complaint = [](std::vector<Server> servers) {
        const auto made = connect(std::move(servers));
        return made ? std::string("none") : made.error().message();
    };
    EXPECT_THAT(complaint({}), HasSubstr("at least one"));
    EXPECT_THAT(complaint({{.host = ""}}), HasSubstr("the host is missing"));
    EXPECT_THAT(complaint({{.host = "a", .port = 0}}), HasSubstr("the port is"));
    EXPECT_THAT(complaint({{.host = "a", .weight = 0}}), HasSubstr("the weight is"));
    EXPECT_THAT(complaint({{.host = std::string("a\0b", 3)}}), HasSubstr("control character"));
    EXPECT_THAT(complaint({{.host = "/" + std::string(200, 'p')}}), HasSubstr("107"));
    std::vector<Server> many;
    for (int i = 0; i <= 100; ++i)
        many.push_back({.host = "cache" + std::to_string(i)});
    EXPECT_THAT(complaint(many), HasSubstr("at most 100"));
    many.pop_back();
    EXPECT_EQ(complaint(many), "none");
}

} // namespace
