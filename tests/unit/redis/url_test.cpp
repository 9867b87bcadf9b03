#include "url.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tiercel::redis {
namespace {

struct Good {
    const char* url;
    const char* label;
    std::optional<std::string> username;
    std::optional<std::string> password;
    std::uint32_t database;
};

class GoodUrl : public ::testing::TestWithParam<Good> {};

TEST_P(GoodUrl, is_read) {
    const auto& expected = GetParam();
    const auto address = parse_url(expected.url);
    ASSERT_TRUE(address) << address.error().message();
    EXPECT_EQ(address->label(), expected.label);
    EXPECT_EQ(address->username, expected.username);
    EXPECT_EQ(address->password, expected.password);
    EXPECT_EQ(address->database, expected.database);
}

INSTANTIATE_TEST_SUITE_P(
    Url, GoodUrl,
    ::testing::Values(Good{"redis://localhost", "redis localhost:6379", {}, {}, 0},
                      Good{"redis://localhost/", "redis localhost:6379", {}, {}, 0},
                      Good{"redis://127.0.0.1:7000/3", "redis 127.0.0.1:7000", {}, {}, 3},
                      Good{"redis://:secret@host", "redis host:6379", {}, "secret", 0},
                      Good{"redis://user:secret@host:1/2", "redis host:1", "user", "secret", 2},
                      Good{"redis://user:@host", "redis host:6379", "user", "", 0},
                      Good{"redis://user@host", "redis host:6379", "user", {}, 0},
                      Good{"redis://us%3Aer:p%40ss%2fw%25@host", "redis host:6379", "us:er", "p@ss/w%", 0},
                      Good{"redis://user:a@b:c@host:99", "redis host:99", "user", "a@b:c", 0},
                      Good{"redis://[::1]", "redis [::1]:6379", {}, {}, 0},
                      Good{"redis://user:pw@[fe80::1]:7000/1", "redis [fe80::1]:7000", "user", "pw", 1},
                      Good{"unix:///run/redis.sock", "redis /run/redis.sock", {}, {}, 0},
                      Good{"unix:///run/redis.sock?db=4", "redis /run/redis.sock", {}, {}, 4},
                      Good{"unix://user:p%2Fw@/run/redis%20a.sock", "redis /run/redis a.sock", "user", "p/w", 0}));

TEST(Url, asks_for_tls_by_its_scheme_alone) {
    EXPECT_FALSE(parse_url("redis://host:6380")->encrypted);
    EXPECT_FALSE(parse_url("unix:///run/redis.sock")->encrypted);
    const auto address = parse_url("rediss://us%3Aer:p%40ss@[::1]:7000/3");
    ASSERT_TRUE(address) << address.error().message();
    EXPECT_TRUE(address->encrypted);
    EXPECT_EQ(address->host, "::1");
    EXPECT_EQ(address->port, 7000);
    EXPECT_EQ(address->username, "us:er");
    EXPECT_EQ(address->password, "p@ss");
    EXPECT_EQ(address->database, 3U);
    EXPECT_EQ(parse_url("rediss://host")->port, 6379);
}

struct Bad {
    const char* url;
    const char* advice;
};
void PrintTo(const Bad& bad, std::ostream* out) {
    *out << bad.url; // else the test's name would hold addresses
}

class BadUrl : public ::testing::TestWithParam<Bad> {};

TEST_P(BadUrl, is_an_error_that_says_what_to_write) {
    const auto address = parse_url(GetParam().url);
    ASSERT_FALSE(address);
    EXPECT_EQ(address.error().code(), Errc::invalid_option);
    EXPECT_NE(address.error().message().find(GetParam().advice), std::string::npos) << address.error().message();
    EXPECT_EQ(address.error().message().find("s3cret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Url, BadUrl,
    ::testing::Values(
        Bad{"", "redis://"}, Bad{"127.0.0.1:6379", "redis://127.0.0.1:6379"}, Bad{"http://s3cret", "redis://"},
        Bad{"REDIS://host", "redis://"}, Bad{"rediss://user:s3cret/x@host", "port"}, Bad{"rediss://", "host"},
        Bad{"rediss://host?ssl_cert_reqs=none", "Options"}, Bad{"redis://", "host"}, Bad{"redis://:6379", "host"},
        Bad{"redis:///1", "host"}, Bad{"redis://host:", "port"}, Bad{"redis://host:0", "port"},
        Bad{"redis://host:65536", "port"}, Bad{"redis://host:+1", "port"}, Bad{"redis://host:63 79", "port"},
        Bad{"redis://user:s3cret/x@host", "port"}, Bad{"redis://user:s3cret#x@host", "port"},
        Bad{"redis://::1", "brackets"}, Bad{"redis://[::1", "bracket"}, Bad{"redis://[::1]6379", ":port"},
        Bad{"redis://[]", "host"}, Bad{"redis://ho st", "host"}, Bad{"redis://host/one", "database"},
        Bad{"redis://host/-1", "database"}, Bad{"redis://host/1/2", "database"},
        Bad{"redis://host/4294967296", "database"}, Bad{"redis://host/4294967295", "database"},
        Bad{"redis://host?timeout=1", "Options"}, Bad{"redis://host/1#x", "Options"},
        Bad{"redis://s3cret%:x@host", "user name"}, Bad{"redis://user:s3cret%4@host", "password"},
        Bad{"redis://user:s3cret%zz@host", "%25"}, Bad{"unix://", "absolute"}, Bad{"unix://relative/path", "absolute"},
        Bad{"unix:///", "missing"}, Bad{"unix://user:s3cret@", "absolute"}, Bad{"unix:///a%00b", "missing"},
        Bad{"unix:///a%2", "path"}, Bad{"unix:///a?database=1", "db"}, Bad{"unix:///a?db=x", "database"},
        Bad{"unix:///0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
            "789012345678901234567890",
            "longer"}));

TEST(Url, of_a_sentinel_has_another_port_by_default) {
    EXPECT_EQ(parse_url("redis://host", default_sentinel_port)->port, 26379);
    EXPECT_EQ(parse_url("rediss://[::1]", default_sentinel_port)->port, 26379);
    EXPECT_EQ(parse_url("redis://host:1", default_sentinel_port)->port, 1);
    EXPECT_EQ(parse_url("unix:///s", default_sentinel_port)->port, 0);
}

} // namespace
} // namespace tiercel::redis
