#include "client.hpp"

#include "support/certificates.hpp"
#include "support/redis_cluster.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis::test {
namespace {

using tiercel::test::CertificateAuthority;
using tiercel::test::RedisCluster;

class RedisClusterTls : public ::testing::Test {
protected:
    const tiercel::test::TempDir directory_;
    CertificateAuthority authority_{directory_.path() / "authority"};
    const tiercel::test::Certificate certificate_ = authority_.issue();
    RedisCluster cluster_{{.tls = tiercel::test::ServerTls{.certificate = certificate_.certificate,
                                                           .key = certificate_.key,
                                                           .authority = authority_.certificate()}}};
};

/// A node that were named by its port for plain text would not shake hands.
TEST_F(RedisClusterTls, nodes_that_the_cluster_names_are_spoken_to_in_tls_too) {
    ClusterOptions options;
    options.node.tls.ca_file = authority_.certificate().string();
    auto backend = connect_cluster({cluster_.tls_urls().front()}, options);
    ASSERT_TRUE(backend) << backend.error().message();
    Client client(*backend);
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(client.put("key" + std::to_string(i), "value" + std::to_string(i))) << i;
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(client.text("key" + std::to_string(i)), "value" + std::to_string(i));
}

TEST_F(RedisClusterTls, nodes_of_an_authority_that_nobody_trusts_are_not_spoken_to) {
    auto backend = connect_cluster({cluster_.tls_urls().front()});
    ASSERT_TRUE(backend) << backend.error().message();
    Client client(*backend);
    const auto put = client.put("key", "value");
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error(), Errc::connection_failed) << put.error().message();
}

TEST(RedisClusterSeeds, are_all_in_tls_or_none) {
    const auto mixed = connect_cluster({"redis://127.0.0.1:1", "rediss://127.0.0.1:2"});
    ASSERT_FALSE(mixed);
    EXPECT_EQ(mixed.error(), Errc::invalid_option);
    EXPECT_NE(mixed.error().message().find("rediss://"), std::string::npos);
}

} // namespace
} // namespace tiercel::redis::test
