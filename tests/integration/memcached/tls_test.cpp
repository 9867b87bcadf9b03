#include "calls.hpp"

#include "support/certificates.hpp"
#include "support/memcached_server.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>

namespace tiercel::test {
namespace {

using ::testing::HasSubstr;

struct MemcachedTls : ::testing::Test {
    const TempDir directory;
    CertificateAuthority authority{directory.path() / "authority"};

    MemcachedServer start(const Certificate& certificate, bool asks_clients = false) const {
        return MemcachedServer({.tls = ServerTls{.certificate = certificate.certificate,
                                                 .key = certificate.key,
                                                 .authority = authority.certificate(),
                                                 .asks_clients = asks_clients}});
    }
    TlsOptions trusting() const { return {.ca_file = authority.certificate().string()}; }
};

TEST_F(MemcachedTls, a_server_that_is_the_one_meant_is_used) {
    const auto server = start(authority.issue());
    const Calls cache(server.address(), {.tls = trusting()});
    EXPECT_EQ(text(cache.put("k", Bytes(900'000, 'x'))), "done");
    EXPECT_EQ(text(cache.get("k")), Bytes(900'000, 'x'));
    EXPECT_EQ(text(cache.get("none")), "<nothing>");
}

TEST_F(MemcachedTls, a_certificate_of_another_name_is_refused) {
    const auto server = start(authority.issue({.names = "DNS:other.example"}));
    const auto found = Calls(server.address(), {.tls = trusting()}).get("k");
    EXPECT_EQ(text(found), "<connection_failed>");
    EXPECT_THAT(found.error().message(), HasSubstr("not for 127.0.0.1"));
}

TEST_F(MemcachedTls, a_server_of_plain_text_is_refused) {
    const MemcachedServer server;
    const auto found = Calls(server.address(), {.tls = trusting(), .connect_timeout = 200ms}).get("k");
    EXPECT_EQ(text(found), "<connection_failed>");
    EXPECT_THAT(found.error().message(), HasSubstr("leave memcached::Options::tls out"));
}

TEST_F(MemcachedTls, a_client_of_plain_text_is_told_what_is_missing) {
    const auto server = start(authority.issue());
    const auto found = Calls(server.address()).get("k");
    EXPECT_EQ(text(found), "<connection_failed>");
    EXPECT_THAT(found.error().message(), HasSubstr("give memcached::Options::tls"));
}

TEST_F(MemcachedTls, a_server_that_asks_who_we_are_is_told) {
    const auto server = start(authority.issue(), true);
    auto tls = trusting();
    EXPECT_FALSE(Calls(server.address(), {.tls = tls}).get("k"));
    const auto ours = authority.issue();
    tls.certificate_file = ours.certificate.string();
    tls.key_file = ours.key.string();
    EXPECT_EQ(text(Calls(server.address(), {.tls = tls}).get("k")), "<nothing>");
}

} // namespace
} // namespace tiercel::test
