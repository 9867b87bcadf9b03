#include <tiercel/redis.hpp>

#include "redis_backend.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace tiercel::redis {
namespace {

using namespace std::chrono_literals;

TEST(Connect, needs_no_server) {
    const auto backend = connect("redis://127.0.0.1:1");
    ASSERT_TRUE(backend);
    EXPECT_EQ((*backend)->name(), "redis");
    const auto can = (*backend)->capabilities();
    EXPECT_TRUE(can.binary_keys);
    EXPECT_TRUE(can.conditional_writes);
    EXPECT_TRUE(can.scans);
    EXPECT_FALSE(can.reads_ttl);
    EXPECT_LT(can.max_value_bytes, std::size_t{64} << 20);
    EXPECT_GT(can.max_value_bytes, std::size_t{63} << 20);
}

TEST(Connect, refuses_a_bad_url) {
    const auto backend = connect("localhost");
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().code(), Errc::invalid_option);
}

struct BadOption {
    const char* field;
    std::function<void(Options&)> spoil;
    const char* url = "redis://host";
};

void PrintTo(const BadOption& option, std::ostream* out) {
    *out << option.field;
}

class ConnectOption : public ::testing::TestWithParam<BadOption> {};

TEST_P(ConnectOption, out_of_range_is_an_error_that_names_it) {
    Options options;
    GetParam().spoil(options);
    const auto backend = connect(GetParam().url, options);
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().code(), Errc::invalid_option);
    EXPECT_NE(backend.error().message().find(std::string("Options::") + GetParam().field), std::string::npos)
        << backend.error().message();
    EXPECT_EQ(backend.error().message().find("s3cret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConnectOption,
    ::testing::Values(BadOption{"connect_timeout", [](Options& o) { o.connect_timeout = 0ms; }},
                      BadOption{"max_silence", [](Options& o) { o.max_silence = -1ms; }},
                      BadOption{"reconnect_delay_min", [](Options& o) { o.reconnect_delay_min = 0ms; }},
                      BadOption{"reconnect_delay_max", [](Options& o) { o.reconnect_delay_max = 1ms; }},
                      BadOption{"connections", [](Options& o) { o.connections = 0; }},
                      BadOption{"connections", [](Options& o) { o.connections = 65; }},
                      BadOption{"blocking_connections", [](Options& o) { o.blocking_connections = 65; }},
                      BadOption{"max_pending_calls", [](Options& o) { o.max_pending_calls = 0; }},
                      BadOption{"max_pending_bytes", [](Options& o) { o.max_pending_bytes = 1 << 20; }},
                      BadOption{"max_reply_bytes", [](Options& o) { o.max_reply_bytes = 100; }},
                      BadOption{"max_reply_bytes", [](Options& o) { o.max_reply_bytes = std::size_t{1} << 30; }},
                      BadOption{"client_name", [](Options& o) { o.client_name = "two words"; }},
                      BadOption{"tls", [](Options& o) { o.tls.ca_file = "ca.pem"; }},
                      BadOption{"tls", [](Options& o) { o.tls.verify_peer = false; }, "unix:///run/redis.sock"},
                      BadOption{"tls.ca_file", [](Options& o) { o.tls.ca_file = "/nonexistent"; }, "rediss://host"},
                      BadOption{"password", [](Options& o) { o.username = "u"; }, "rediss://host"},
                      BadOption{"username", [](Options& o) { o.username = "u"; }, "redis://user:s3cret@host"},
                      BadOption{"password", [](Options& o) { o.password = "s3cret"; }, "redis://:other@host"},
                      BadOption{"password", [](Options& o) { o.username = "u"; }},
                      BadOption{"password", [](Options&) {}, "redis://user@host"}));

TEST(Connect, needs_nothing_but_the_scheme_for_tls) {
    EXPECT_TRUE(connect("rediss://user:pw@127.0.0.1:1/2"));
    EXPECT_TRUE(connect("rediss://127.0.0.1:1", {.tls = {.verify_peer = false}}));
}

TEST(Connect, takes_the_user_from_the_url_and_the_password_from_the_options) {
    EXPECT_TRUE(connect("redis://user@host", {.password = "pw"}));
}

TEST(ConnectCluster, needs_no_server) {
    const auto backend = connect_cluster({"redis://127.0.0.1:1", "redis://127.0.0.1:2"});
    ASSERT_TRUE(backend);
    EXPECT_EQ((*backend)->name(), "redis");
    EXPECT_TRUE((*backend)->capabilities().scans);
}

struct BadCluster {
    const char* words;
    std::vector<std::string> seeds = {"redis://host"};
    ClusterOptions options = {};
};

void PrintTo(const BadCluster& bad, std::ostream* out) {
    *out << bad.words;
}

class ConnectClusterWith : public ::testing::TestWithParam<BadCluster> {};

TEST_P(ConnectClusterWith, what_cannot_work_is_an_error_that_says_so) {
    const auto backend = connect_cluster(GetParam().seeds, GetParam().options);
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().code(), Errc::invalid_option);
    EXPECT_NE(backend.error().message().find(GetParam().words), std::string::npos) << backend.error().message();
    EXPECT_EQ(backend.error().message().find("s3cret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConnectClusterWith,
    ::testing::Values(BadCluster{"1 to 64", {}}, BadCluster{"URL", {"redis://host", "localhost"}},
                      BadCluster{"unix socket", {"redis://host", "unix:///run/redis.sock"}},
                      BadCluster{"database", {"redis://host/1"}},
                      BadCluster{"user or password", {"redis://:s3cret@host", "redis://host"}},
                      BadCluster{"user or password", {"redis://:s3cret@host", "redis://:other@host"}},
                      BadCluster{"Options::connections", {"redis://host"}, {.node = {.connections = 0}}},
                      BadCluster{"refresh_interval", {"redis://host"}, {.refresh_interval = 0ms}},
                      BadCluster{"ReplicaReads::max_staleness",
                                 {"redis://host"},
                                 {.node = {.replica_reads = ReplicaReads{.max_staleness = 19ms}}}},
                      BadCluster{"ReplicaReads::max_staleness",
                                 {"redis://host"},
                                 {.node = {.replica_reads = ReplicaReads{.max_staleness = 1h + 1ms}}}},
                      BadCluster{"max_redirections", {"redis://host"}, {.max_redirections = 0}},
                      BadCluster{"max_redirections", {"redis://host"}, {.max_redirections = 65}}));

TEST(ConnectCluster, takes_the_same_password_in_every_seed_or_in_the_options) {
    EXPECT_TRUE(connect_cluster({"redis://:pw@a", "redis://:pw@b"}));
    EXPECT_TRUE(connect_cluster({"redis://a", "redis://b"}, {.node = {.password = "pw"}}));
}

TEST(ConnectSentinel, needs_no_server) {
    const auto backend =
        connect_sentinel({"redis://127.0.0.1:1", "rediss://:other@127.0.0.1"},
                         {.master_name = "mymaster", .node = {.password = "s3cret"}, .database = 2, .encrypted = true});
    ASSERT_TRUE(backend) << backend.error().message();
    EXPECT_EQ((*backend)->name(), "redis");
    EXPECT_TRUE((*backend)->capabilities().scans);
}

struct BadSentinel {
    const char* words;
    std::vector<std::string> sentinels = {"redis://host"};
    SentinelOptions options = {.master_name = "mymaster"};
};

void PrintTo(const BadSentinel& bad, std::ostream* out) {
    *out << bad.words;
}

class ConnectSentinelWith : public ::testing::TestWithParam<BadSentinel> {};

TEST_P(ConnectSentinelWith, what_cannot_work_is_an_error_that_says_so) {
    const auto backend = connect_sentinel(GetParam().sentinels, GetParam().options);
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().code(), Errc::invalid_option);
    EXPECT_NE(backend.error().message().find(GetParam().words), std::string::npos) << backend.error().message();
    EXPECT_EQ(backend.error().message().find("s3cret"), std::string::npos);
}

SentinelOptions named(SentinelOptions options) {
    options.master_name = "mymaster";
    return options;
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConnectSentinelWith,
    ::testing::Values(
        BadSentinel{"1 to 64", {}}, BadSentinel{"1 to 64", std::vector<std::string>(65, "redis://host")},
        BadSentinel{"URL", {"redis://host", "localhost"}}, BadSentinel{"unix socket", {"unix:///run/redis.sock"}},
        BadSentinel{"database", {"redis://host/1"}},
        BadSentinel{"twice", {"redis://host", "redis://:s3cret@host:26379"}},
        BadSentinel{"password", {"redis://user@host"}}, BadSentinel{"master_name", {"redis://host"}, {}},
        BadSentinel{"master_name", {"redis://host"}, {.master_name = "two words"}},
        BadSentinel{"ask_interval", {"redis://host"}, named({.ask_interval = 1ms})},
        BadSentinel{"ask_interval", {"redis://host"}, named({.ask_interval = 25h})},
        BadSentinel{"database", {"redis://host"}, named({.database = 1U << 31U})},
        BadSentinel{"Options::connections", {"redis://host"}, named({.node = {.connections = 0}})},
        BadSentinel{"password", {"redis://host"}, named({.node = {.username = "user"}})},
        BadSentinel{"node.tls", {"redis://host"}, named({.node = {.tls = {.verify_peer = false}}})},
        BadSentinel{"node.tls", {"redis://host"}, named({.node = {.tls = {.ca_file = "/none"}}, .encrypted = true})},
        BadSentinel{"sentinel_tls", {"redis://host"}, named({.sentinel_tls = {.verify_peer = false}})},
        BadSentinel{"sentinel_tls", {"rediss://host"}, named({.sentinel_tls = {.ca_file = "/none"}})}));

TEST(ConnectSharded, needs_no_server) {
    const auto backend = connect_sharded({{"redis://127.0.0.1:1"}, {"unix:///run/redis.sock"}, {"rediss://:pw@host"}});
    ASSERT_TRUE(backend) << backend.error().message();
    EXPECT_EQ((*backend)->name(), "redis");
    EXPECT_TRUE((*backend)->capabilities().scans);
}

TEST(ConnectSharded, takes_two_databases_of_one_server_under_names_of_their_own) {
    EXPECT_TRUE(connect_sharded({{.url = "redis://host/0", .name = "a"}, {.url = "redis://host/1", .name = "b"}}));
}

struct BadShards {
    const char* words;
    std::vector<Shard> shards;
    Options options = {};
};

void PrintTo(const BadShards& bad, std::ostream* out) {
    *out << bad.words;
}

class ConnectShardedWith : public ::testing::TestWithParam<BadShards> {};

TEST_P(ConnectShardedWith, what_cannot_work_is_an_error_that_says_so) {
    const auto backend = connect_sharded(GetParam().shards, GetParam().options);
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().code(), Errc::invalid_option);
    EXPECT_NE(backend.error().message().find(GetParam().words), std::string::npos) << backend.error().message();
    EXPECT_EQ(backend.error().message().find("s3cret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConnectShardedWith,
    ::testing::Values(BadShards{"1 to 256", {}}, BadShards{"1 to 256", std::vector<Shard>(257, Shard{"redis://host"})},
                      BadShards{"URL", {{"localhost"}}},
                      BadShards{"Shard::name", {{"redis://host"}, {"redis://:s3cret@host:6379/1"}}},
                      BadShards{"Shard::name", {{"redis://a", "same"}, {"redis://b", "same"}}},
                      BadShards{"Shard::name", {{"redis://a", "two words"}}},
                      BadShards{"Shard::weight", {{"redis://a", "a", 0}}},
                      BadShards{"Shard::weight", {{"redis://a", "a", 65}}},
                      BadShards{"Options::connections", {{"redis://a"}}, {.connections = 0}},
                      BadShards{"Options::password", {{"redis://:s3cret@a"}}, {.password = "s3cret"}},
                      BadShards{"Options::tls", {{"rediss://a"}, {"redis://b"}}, {.tls = {.verify_peer = false}}}));

TEST(GlobOfPrefix, escapes_what_means_something_in_a_glob) {
    EXPECT_EQ(glob_of_prefix(""), "*");
    EXPECT_EQ(glob_of_prefix("users:"), "users:*");
    EXPECT_EQ(glob_of_prefix("a*b?[c-d]^\\"), "a\\*b\\?\\[c\\-d\\]\\^\\\\*");
}

} // namespace
} // namespace tiercel::redis
