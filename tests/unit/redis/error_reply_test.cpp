#include "error_reply.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

struct Row {
    const char* reply;
    Errc code;
};

class ErrorReply : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorReply, has_a_kind_and_says_what_to_do) {
    const auto error = to_error(GetParam().reply, "redis host:1");
    EXPECT_EQ(error.code(), GetParam().code);
    EXPECT_TRUE(error.message().starts_with("redis host:1: "));
    EXPECT_GT(error.message().size(), 25U);
}

INSTANTIATE_TEST_SUITE_P(
    All, ErrorReply,
    ::testing::Values(
        Row{"NOAUTH Authentication required.", Errc::authentication_failed},
        Row{"WRONGPASS invalid username-password pair or user is disabled.", Errc::authentication_failed},
        Row{"ERR invalid password", Errc::authentication_failed},
        Row{"ERR AUTH <password> called without any password configured for the default user. Are you sure your "
            "configuration is correct?",
            Errc::authentication_failed},
        Row{"NOPERM this user has no permissions to run the 'get' command", Errc::permission_denied},
        Row{"DENIED Redis is running in protected mode", Errc::permission_denied},
        Row{"LOADING Redis is loading the dataset in memory", Errc::not_ready},
        Row{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Errc::not_ready},
        Row{"BUSY Redis is busy running a script.", Errc::not_ready},
        Row{"CLUSTERDOWN The cluster is down", Errc::not_ready},
        Row{"TRYAGAIN Multiple keys request during rehashing of slot", Errc::not_ready},
        Row{"OOM command not allowed when used memory > 'maxmemory'.", Errc::out_of_memory},
        Row{"READONLY You can't write against a read only replica.", Errc::read_only},
        Row{"MISCONF Redis is configured to save RDB snapshots", Errc::read_only},
        Row{"NOREPLICAS Not enough good replicas to write.", Errc::read_only},
        Row{"WRONGTYPE Operation against a key holding the wrong kind of value", Errc::wrong_type},
        Row{"MOVED 3999 127.0.0.1:6381", Errc::moved}, Row{"ASK 3999 127.0.0.1:6381", Errc::moved},
        Row{"CROSSSLOT Keys in request don't hash to the same slot", Errc::moved},
        Row{"ERR max number of clients reached", Errc::connection_failed},
        Row{"ERR DB index is out of range", Errc::invalid_option},
        Row{"ERR unknown command 'UNLINK', with args beginning with: 'k' ", Errc::unsupported},
        Row{"TIERCEL_TOO_LARGE 123", Errc::value_too_large}, Row{"ERR syntax error", Errc::server_error},
        Row{"", Errc::server_error}));

TEST(ErrorReplyText, does_not_repeat_arguments) {
    const auto error = to_error("ERR unknown command 'GET', with args beginning with: 's3cret'", "redis host:1");
    EXPECT_EQ(error.message().find("s3cret"), std::string::npos);
}

TEST(ErrorReplyText, is_short_and_printable) {
    const auto error = to_error("ERR \x01\xff" + std::string(100'000, 'x'), "redis host:1");
    EXPECT_LT(error.message().size(), 300U);
    for (const char c : error.message())
        EXPECT_TRUE(c >= ' ' && c <= '~');
}

} // namespace
} // namespace tiercel::redis
