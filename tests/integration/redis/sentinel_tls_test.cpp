#include "client.hpp"
#include "raw_redis.hpp"
#include "tls_peer.hpp"

#include "support/certificates.hpp"
#include "support/redis_sentinels.hpp"
#include "support/temp_dir.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis::test {
namespace {

using tiercel::test::CertificateAuthority;
using tiercel::test::RedisSentinels;
using tiercel::test::wait_until;

const std::string secret = "s3cret";         // of the servers
const std::string watchword = "w4tchword";   // of the sentinels
const std::string another = "cache.example"; // whom no server here is

class RedisSentinelTls : public ::testing::Test {
protected:
    TlsOptions trusting(const CertificateAuthority& whom, const std::string& server_name = "") const {
        return {.ca_file = whom.certificate().string(), .server_name = server_name};
    }
    SentinelOptions options() const {
        return {.master_name = "mymaster",
                .node = {.password = secret,
                         .tls = trusting(authority),
                         .connect_timeout = 20s,
                         .reconnect_delay_min = 1ms,
                         .reconnect_delay_max = 50ms},
                .encrypted = true,
                .sentinel_tls = trusting(authority)};
    }
    std::vector<std::string> urls() const {
        std::vector<std::string> urls;
        for (const auto& url : set.urls())
            urls.push_back("rediss://:" + watchword + "@" + url.substr(std::string("rediss://").size()));
        return urls;
    }
    static Client client_of(const std::vector<std::string>& sentinels, const SentinelOptions& options) {
        auto connected = connect_sentinel(sentinels, options);
        if (!connected) throw std::runtime_error(connected.error().message());
        return Client(std::move(*connected));
    }
    static void expect_refused(const std::vector<std::string>& sentinels, const SentinelOptions& options,
                               const std::string& reason) {
        Client client = client_of(sentinels, options);
        const auto put = client.put("key", "value", std::nullopt, 60s);
        ASSERT_FALSE(put);
        const auto error = put.error();
        const auto& message = error.message();
        EXPECT_EQ(error.code(), Errc::connection_failed) << message;
        EXPECT_NE(message.find(reason), std::string::npos) << message;
        EXPECT_EQ(message.find(secret), std::string::npos) << message;
        EXPECT_EQ(message.find(watchword), std::string::npos) << message;
    }
    /// The sentinels name `impostor` as the master of that name.
    void name_as_master(const TlsPeer& impostor, const std::string& name) {
        for (std::size_t i = 0; i < set.sentinels(); ++i) {
            ASSERT_EQ(set.ask_sentinel(i, "SENTINEL MONITOR " + name + " 127.0.0.1 " + std::to_string(impostor.port()) +
                                              " 2"),
                      "+OK");
        }
    }

    const tiercel::test::TempDir directory;
    CertificateAuthority authority{directory.path() / "authority"};
    CertificateAuthority stranger{directory.path() / "stranger"};
    const tiercel::test::Certificate certificate = authority.issue();
    RedisSentinels set{{.replicas = 1,
                        .password = secret,
                        .sentinel_password = watchword,
                        .tls = tiercel::test::ServerTls{.certificate = certificate.certificate,
                                                        .key = certificate.key,
                                                        .authority = authority.certificate()}}};
};

TEST_F(RedisSentinelTls, leads_to_the_master_in_tls) {
    Client client = client_of(urls(), options());
    ASSERT_TRUE(client.put("key", "value"));
    EXPECT_EQ(client.text("key"), "value");
    EXPECT_TRUE(client.ping());
    EXPECT_EQ(set.ask(0, "EXISTS key"), ":1");
    for (std::size_t i = 0; i < set.sentinels(); ++i) {
        RawRedis sentinel(set.sentinel(i).port());
        ASSERT_EQ(sentinel("AUTH " + watchword), "+OK");
        EXPECT_TRUE(wait_until([&] {
            return sentinel.bulk("CLIENT LIST TYPE PUBSUB").find(" name=tiercel ") != std::string::npos;
        })) << "the sentinel is listened to";
    }
}

TEST_F(RedisSentinelTls, a_killed_master_is_replaced_and_its_successor_used) {
    Client client = client_of(urls(), options());
    ASSERT_TRUE(client.put("before", "value"));
    set.server(0).kill9();
    const auto successor = set.master_other_than(0);
    ASSERT_TRUE(wait_until([&] { return client.put("after", "value").has_value(); }));
    EXPECT_EQ(client.text("after"), "value");
    EXPECT_EQ(set.ask(successor, "EXISTS after"), ":1");
}

TEST_F(RedisSentinelTls, a_sentinel_whose_certificate_is_for_another_name_is_told_nothing) {
    const TlsPeer impostor(authority.issue({.names = "DNS:" + another}));
    expect_refused({impostor.url(":" + watchword + "@")}, options(), "not for 127.0.0.1");
    EXPECT_TRUE(wait_until([&] { return impostor.refusals() > 0; }));
    EXPECT_TRUE(impostor.heard_nothing());
}

TEST_F(RedisSentinelTls, a_sentinel_that_nobody_trusted_vouches_for_is_told_nothing) {
    const TlsPeer impostor(stranger.issue());
    expect_refused({impostor.url(":" + watchword + "@")}, options(), "no authority");
    EXPECT_TRUE(wait_until([&] { return impostor.refusals() > 0; }));
    EXPECT_TRUE(impostor.heard_nothing());
}

TEST_F(RedisSentinelTls, a_sentinel_that_is_the_one_meant_is_logged_in_to) {
    const TlsPeer meant(authority.issue({.names = "DNS:" + another}));
    auto by_name = options();
    by_name.node.connect_timeout = 500ms;
    by_name.sentinel_tls = trusting(authority, another);
    Client client = client_of({meant.url(":" + watchword + "@")}, by_name);
    EXPECT_FALSE(client.put("key", "value"));
    EXPECT_TRUE(meant.heard(watchword)) << "else these tests would see nothing";
    EXPECT_FALSE(meant.heard(secret)) << "which is not for sentinels";
}

TEST_F(RedisSentinelTls, others_lead_to_the_master_when_one_is_an_impostor) {
    const TlsPeer impostor(stranger.issue());
    auto some = urls();
    some.back() = impostor.url(":" + watchword + "@");
    Client client = client_of(some, options());
    EXPECT_TRUE(client.put("key", "value"));
    EXPECT_TRUE(wait_until([&] { return impostor.refusals() > 0; }));
    EXPECT_TRUE(impostor.heard_nothing());
}

TEST_F(RedisSentinelTls, a_master_whose_certificate_is_for_another_name_gets_no_password) {
    const TlsPeer impostor(authority.issue({.names = "DNS:" + another}));
    name_as_master(impostor, "theirs");
    auto to_impostor = options();
    to_impostor.master_name = "theirs";
    expect_refused(urls(), to_impostor, "not for 127.0.0.1");
    EXPECT_TRUE(wait_until([&] { return impostor.refusals() > 0; }));
    EXPECT_FALSE(impostor.heard(secret));
    EXPECT_FALSE(impostor.heard("ROLE"));

    // The sentinels, which do not look at names, tell it things too, but never ask for its role.
    auto by_name = to_impostor;
    by_name.node.connect_timeout = 500ms;
    by_name.node.tls.server_name = another;
    Client client = client_of(urls(), by_name);
    EXPECT_FALSE(client.put("key", "value"));
    EXPECT_TRUE(impostor.heard(secret));
    EXPECT_TRUE(impostor.heard("ROLE"));
}

TEST_F(RedisSentinelTls, a_master_that_nobody_trusted_vouches_for_gets_nothing) {
    const TlsPeer impostor(stranger.issue());
    name_as_master(impostor, "theirs");
    auto to_impostor = options();
    to_impostor.master_name = "theirs";
    expect_refused(urls(), to_impostor, "no authority");
    EXPECT_TRUE(wait_until([&] { return impostor.refusals() > 0; }));
    EXPECT_TRUE(impostor.heard_nothing());
}

} // namespace
} // namespace tiercel::redis::test
