#include "client.hpp"
#include "raw_redis.hpp"

#include "support/redis_server.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis::test {
namespace {

std::string url_of(const tiercel::test::RedisServer& server, const std::string& user_info,
                   const std::string& database = "") {
    return "redis://" + user_info + "127.0.0.1:" + std::to_string(server.port()) + database;
}

class RedisLogIn : public ::testing::Test {
protected:
    tiercel::test::RedisServer server{{.arguments = {"--requirepass", "p@ss/w%rd"}}};
};

TEST_F(RedisLogIn, the_right_password_in_the_url) {
    Client client(url_of(server, ":p%40ss%2Fw%25rd@"));
    EXPECT_TRUE(client.put("key", "value"));
    EXPECT_EQ(client.text("key"), "value");
}

TEST_F(RedisLogIn, the_right_password_in_the_options) {
    Client client(url_of(server, ""), {.password = "p@ss/w%rd"});
    EXPECT_TRUE(client.ping());
}

TEST_F(RedisLogIn, a_wrong_password_is_named_but_not_repeated) {
    Client client(url_of(server, ":s3cret@"));
    for (int i = 0; i < 2; ++i) { // the second one within the back-off
        const auto ping = client.ping();
        ASSERT_FALSE(ping);
        EXPECT_EQ(ping.error().code(), Errc::authentication_failed);
        EXPECT_EQ(ping.error().message().find("s3cret"), std::string::npos);
    }
    EXPECT_EQ(code_of(client.put("key", "value")), Errc::authentication_failed);
}

TEST_F(RedisLogIn, a_missing_password_is_said_so) {
    Client client(url_of(server, ""));
    EXPECT_EQ(client.text("key"), "authentication_failed");
}

TEST_F(RedisLogIn, an_acl_user_may_do_what_it_may_and_no_more) {
    RawRedis raw(server.port());
    ASSERT_EQ(raw("AUTH p@ss/w%rd"), "+OK");
    ASSERT_EQ(raw("ACL SETUSER alice on >pw ~mine:* +get +mget +set +ping"), "+OK");
    Client client(url_of(server, "alice:pw@"));
    EXPECT_TRUE(client.put("mine:1", "value"));
    EXPECT_EQ(client.text("mine:1"), "value");
    EXPECT_EQ(client.text("others:1"), "permission_denied");
    EXPECT_EQ(code_of(client.erase("mine:1")), Errc::permission_denied);
    Client stranger(url_of(server, "alice:wrong@"));
    EXPECT_EQ(stranger.text("mine:1"), "authentication_failed");
}

TEST_F(RedisLogIn, succeeds_once_the_server_takes_the_password) {
    Client client(url_of(server, ":later@"), {.reconnect_delay_min = 1ms, .reconnect_delay_max = 1ms});
    EXPECT_EQ(client.text("key"), "authentication_failed");
    RawRedis raw(server.port());
    ASSERT_EQ(raw("AUTH p@ss/w%rd"), "+OK");
    ASSERT_EQ(raw("CONFIG SET requirepass later"), "+OK");
    while (!client.ping()) {
    }
    EXPECT_EQ(client.text("key"), "(none)");
}

class RedisPlaces : public ::testing::Test {
protected:
    tiercel::test::RedisServer server{{.unix_socket = true}};
};

TEST_F(RedisPlaces, a_password_where_none_is_set_is_an_error) {
    Client client(url_of(server, ":pw@"));
    EXPECT_EQ(client.text("key"), "authentication_failed");
}

TEST_F(RedisPlaces, a_database_has_its_own_keys) {
    Client third(url_of(server, "", "/3"));
    Client first(url_of(server, ""));
    EXPECT_TRUE(third.put("key", "third"));
    EXPECT_EQ(third.text("key"), "third");
    EXPECT_EQ(first.text("key"), "(none)");
}

TEST_F(RedisPlaces, a_database_that_is_not_there_is_an_error) {
    Client client(url_of(server, "", "/99"));
    EXPECT_EQ(client.text("key"), "invalid_option");
}

TEST_F(RedisPlaces, a_unix_socket) {
    Client client(server.unix_url() + "?db=3");
    EXPECT_TRUE(client.put("key", "value"));
    EXPECT_EQ(client.text("key"), "value");
    Client tcp(url_of(server, "", "/3"));
    EXPECT_EQ(tcp.text("key"), "value");
}

TEST_F(RedisPlaces, a_unix_socket_that_is_not_there_is_an_error) {
    Client client("unix:///nonexistent/redis.sock");
    EXPECT_EQ(client.text("key"), "connection_failed");
}

TEST_F(RedisPlaces, a_host_by_name) {
    Client client("redis://localhost:" + std::to_string(server.port()));
    EXPECT_TRUE(client.ping());
}

} // namespace
} // namespace tiercel::redis::test
