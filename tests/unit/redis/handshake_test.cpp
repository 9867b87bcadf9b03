#include "handshake.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis {
namespace {

Reply status(const char* text) {
    return {.kind = Reply::Kind::status, .integer = 0, .text = text, .elements = {}};
}
Reply error(const char* text) {
    return {.kind = Reply::Kind::error, .integer = 0, .text = text, .elements = {}};
}

Address server() {
    Address address;
    address.host = "host";
    address.port = 1;
    return address;
}

TEST(Handshake, always_asks_whether_the_peer_answers) {
    Handshake handshake(server(), "");
    EXPECT_EQ(handshake.request(), "*1\r\n$4\r\nPING\r\n");
    EXPECT_FALSE(handshake.is_complete());
    EXPECT_TRUE(handshake.on_reply(status("PONG")));
    EXPECT_TRUE(handshake.is_complete());
}

TEST(Handshake, logs_in_selects_and_names_in_one_request) {
    auto address = server();
    address.username = "user";
    address.password = "pw";
    address.database = 3;
    Handshake handshake(address, "me");
    EXPECT_EQ(handshake.request(), "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                                   "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n*1\r\n$4\r\nPING\r\n");
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(handshake.is_complete());
        EXPECT_TRUE(handshake.on_reply(status("OK")));
    }
    EXPECT_TRUE(handshake.is_complete());
}

TEST(Handshake, logs_in_with_a_password_alone) {
    auto address = server();
    address.password = "pw";
    EXPECT_TRUE(Handshake(address, "").request().starts_with("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"));
}

TEST(Handshake, ends_at_a_refused_log_in_without_repeating_the_password) {
    auto address = server();
    address.password = "s3cret";
    for (const char* text : {"WRONGPASS invalid username-password pair", "ERR unknown command 'AUTH' 's3cret'",
                             "ERR wrong number of arguments"}) {
        Handshake handshake(address, "");
        const auto judged = handshake.on_reply(error(text));
        ASSERT_FALSE(judged);
        EXPECT_EQ(judged.error().code(), Errc::authentication_failed);
        EXPECT_EQ(judged.error().message().find("s3cret"), std::string::npos);
    }
}

TEST(Handshake, ends_at_a_missing_password) {
    Handshake handshake(server(), "");
    EXPECT_EQ(handshake.on_reply(error("NOAUTH Authentication required.")).error().code(), Errc::authentication_failed);
}

TEST(Handshake, ends_at_a_database_that_is_not_there) {
    auto address = server();
    address.database = 99;
    Handshake handshake(address, "");
    EXPECT_EQ(handshake.on_reply(error("ERR DB index is out of range")).error().code(), Errc::invalid_option);
}

TEST(Handshake, ends_when_the_server_has_no_place) {
    Handshake handshake(server(), "name");
    EXPECT_EQ(handshake.on_reply(error("ERR max number of clients reached")).error().code(), Errc::connection_failed);
}

TEST(Handshake, goes_on_with_a_server_that_is_loading_or_forbids_what_we_can_do_without) {
    Handshake handshake(server(), "name");
    EXPECT_TRUE(handshake.on_reply(error("NOPERM this user has no permissions to run the 'client|setname' command")));
    EXPECT_TRUE(handshake.on_reply(error("LOADING Redis is loading the dataset in memory")));
    EXPECT_TRUE(handshake.is_complete());
}

TEST(Handshake, ends_at_a_reply_too_many) {
    Handshake handshake(server(), "");
    EXPECT_TRUE(handshake.on_reply(status("PONG")));
    EXPECT_EQ(handshake.on_reply(status("PONG")).error().code(), Errc::protocol_error);
}

Reply role(const char* name) {
    Reply word;
    word.kind = Reply::Kind::bulk;
    word.text = name;
    Reply reply;
    reply.kind = Reply::Kind::array;
    reply.elements = {word};
    return reply;
}

TEST(Handshake, takes_a_master_by_its_own_word_only) {
    auto address = server();
    address.role = ServerRole::master;
    Handshake master(address, "");
    EXPECT_EQ(master.request(), "*1\r\n$4\r\nROLE\r\n*1\r\n$4\r\nPING\r\n");
    EXPECT_TRUE(master.on_reply(role("master")));
    EXPECT_TRUE(master.on_reply(error("LOADING Redis is loading the dataset in memory")));
    EXPECT_TRUE(master.is_complete());

    Handshake replica(address, "");
    EXPECT_EQ(replica.on_reply(role("slave")).error().code(), Errc::read_only);
    Handshake silent(address, "");
    EXPECT_EQ(silent.on_reply(status("OK")).error().code(), Errc::protocol_error);
    Handshake forbidden(address, "");
    EXPECT_EQ(forbidden.on_reply(error("NOPERM no")).error().code(), Errc::permission_denied);
}

TEST(Handshake, asks_a_replica_of_a_cluster_to_answer_reads) {
    auto address = server();
    address.role = ServerRole::cluster_replica;
    Handshake replica(address, "");
    EXPECT_EQ(replica.request(), "*1\r\n$8\r\nREADONLY\r\n*1\r\n$4\r\nPING\r\n");
    EXPECT_TRUE(replica.on_reply(status("OK")));
    EXPECT_TRUE(replica.on_reply(status("PONG")));
    EXPECT_TRUE(replica.is_complete());

    Handshake forbidden(address, "");
    EXPECT_EQ(forbidden.on_reply(error("NOPERM no")).error().code(), Errc::permission_denied);
}

} // namespace
} // namespace tiercel::redis
