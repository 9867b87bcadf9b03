#include "replication_info.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tiercel::redis {
namespace {

const std::string history(40, 'a');

Reply bulk(std::string text) {
    Reply reply;
    reply.kind = Reply::Kind::bulk;
    reply.text = std::move(text);
    return reply;
}

std::string lines(const std::vector<std::string>& all) {
    std::string text = "# Replication\r\n";
    for (const auto& line : all)
        text += line + "\r\n";
    return text;
}

Result<ReplicationInfo> parse(const std::vector<std::string>& all) {
    return ReplicationInfo::parse(bulk(lines(all)), "server");
}

std::vector<std::string> master(const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"role:master", "master_replid:" + history, "master_repl_offset:1234"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::vector<std::string> replica(const std::string& link, const std::string& sync) {
    return {"role:slave",
            "master_link_status:" + link,
            "master_sync_in_progress:" + sync,
            "slave_read_repl_offset:1300",
            "slave_repl_offset:1234",
            "master_replid:" + history,
            "master_repl_offset:1250"};
}

TEST(ReplicationInfo, of_a_master_names_its_place_and_the_replicas_that_are_in_sync) {
    const auto info = parse(master(
        {"connected_slaves:4", "slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0",
         "slave1:ip=10.0.0.2,port=6381,state=wait_bgsave,offset=0,lag=0", "slave12:state=online,port=6382,ip=::1",
         "slave3:state=online,port=0,ip=host", "slave4:state=online,port=99999,ip=host",
         "slave5:state=online,port=1,ip=", "slave6:state=online,port=18446744073709551617,ip=h", "slave7:nonsense",
         "second_repl_offset:-1"}));
    ASSERT_TRUE(info) << info.error().message();
    EXPECT_TRUE(info->is_master);
    EXPECT_FALSE(info->in_sync);
    EXPECT_EQ(info->place.history, history);
    EXPECT_EQ(info->place.offset, 1234U);
    ASSERT_EQ(info->replicas.size(), 2U);
    EXPECT_EQ(info->replicas[0].text(), "127.0.0.1:6380");
    EXPECT_EQ(info->replicas[1].text(), "::1:6382");
}

TEST(ReplicationInfo, of_a_replica_is_what_it_holds_not_what_it_has_received) {
    const auto info = parse(replica("up", "0"));
    ASSERT_TRUE(info) << info.error().message();
    EXPECT_FALSE(info->is_master);
    EXPECT_TRUE(info->in_sync);
    EXPECT_EQ(info->place.offset, 1234U);
}

TEST(ReplicationInfo, of_a_replica_without_its_master_is_not_in_sync) {
    EXPECT_FALSE(parse(replica("down", "0"))->in_sync);
    EXPECT_FALSE(parse(replica("up", "1"))->in_sync);
    EXPECT_FALSE(parse({"role:slave", "slave_repl_offset:1", "master_replid:" + history})->in_sync);
}

TEST(ReplicationInfo, of_a_replica_names_no_replicas) {
    auto all = replica("up", "0");
    all.push_back("slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0");
    EXPECT_TRUE(parse(all)->replicas.empty());
}

TEST(ReplicationInfo, takes_no_more_replicas_than_it_may) {
    std::vector<std::string> many;
    for (int i = 1; i <= 1000; ++i)
        many.push_back("slave" + std::to_string(i) + ":ip=h,port=" + std::to_string(i) + ",state=online");
    EXPECT_EQ(parse(master(many))->replicas.size(), ReplicationInfo::max_replicas);
}

TEST(ReplicationInfo, is_not_believed_when_it_makes_no_sense) {
    const std::vector<std::vector<std::string>> bad{
        {},
        {"role:master"},
        {"role:sentinel", "master_replid:" + history, "master_repl_offset:1"},
        {"role:master", "master_replid:" + history, "master_repl_offset:-1"},
        {"role:master", "master_replid:" + history, "master_repl_offset:18446744073709551616"},
        {"role:master", "master_replid:" + history, "master_repl_offset:"},
        {"role:master", "master_replid:short", "master_repl_offset:1"},
        {"role:master", "master_replid:" + std::string(40, '?'), "master_repl_offset:1"},
        {"role:slave", "master_replid:" + history, "master_repl_offset:1"},
        master({"master_repl_offset:1"}),
        master({"role:slave"}),
        master({"master_replid:" + history}),
    };
    for (const auto& all : bad)
        EXPECT_EQ(parse(all).error().code(), Errc::protocol_error) << lines(all);
    Reply status;
    status.kind = Reply::Kind::status;
    status.text = lines(master());
    EXPECT_EQ(ReplicationInfo::parse(status, "server").error().code(), Errc::protocol_error);
    const auto huge = lines(master()) + std::string(ReplicationInfo::max_bytes, 'x');
    EXPECT_EQ(ReplicationInfo::parse(bulk(huge), "server").error().code(), Errc::protocol_error);
}

TEST(ReplicationInfo, that_is_refused_says_why) {
    Reply error;
    error.kind = Reply::Kind::error;
    error.text = "NOPERM this user has no permissions to run the 'info' command";
    EXPECT_EQ(ReplicationInfo::parse(error, "server").error().code(), Errc::permission_denied);
}

/// Whatever is left out, cut short or put in, nothing but an error comes of it.
TEST(ReplicationInfo, survives_any_cut_and_any_byte) {
    const auto text = lines(master({"slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0"}));
    for (std::size_t at = 0; at < text.size(); ++at) {
        (void)ReplicationInfo::parse(bulk(text.substr(0, at)), "server");
        for (const char byte : {'\0', ':', ',', '=', '\r', '\n', '\xff'}) {
            auto changed = text;
            changed[at] = byte;
            (void)ReplicationInfo::parse(bulk(changed), "server");
        }
    }
}

} // namespace
} // namespace tiercel::redis
