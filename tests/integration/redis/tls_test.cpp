#include "client.hpp"
#include "peer.hpp"

#include "support/certificates.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tiercel::redis::test {
namespace {

using tiercel::test::Certificate;
using tiercel::test::CertificateAuthority;
using tiercel::test::CertificateRequest;
using tiercel::test::FaultProxy;
using tiercel::test::RedisServer;
using tiercel::test::wait_until;

constexpr const char* secret = "s3cret";

class RedisTls : public ::testing::Test {
protected:
    /// A server that shows `certificate`, asks for the password, and trusts clients as the authority does.
    RedisServer start(const Certificate& certificate, bool asks_clients = false,
                      std::vector<std::string> arguments = {}) const {
        arguments.insert(arguments.end(), {"--requirepass", secret});
        return RedisServer({.arguments = std::move(arguments),
                            .tls = tiercel::test::ServerTls{.certificate = certificate.certificate,
                                                            .key = certificate.key,
                                                            .authority = authority.certificate(),
                                                            .asks_clients = asks_clients}});
    }
    RedisServer start(const CertificateRequest& request = {}) { return start(authority.issue(request)); }

    static std::string url(const RedisServer& server, const std::string& host = "127.0.0.1") {
        return "rediss://:" + std::string(secret) + "@" + host + ":" + std::to_string(server.port());
    }
    TlsOptions trusting() const { return {.ca_file = authority.certificate().string()}; }
    TlsOptions showing(const Certificate& certificate) const {
        return {.ca_file = authority.certificate().string(),
                .certificate_file = certificate.certificate.string(),
                .key_file = certificate.key.string()};
    }
    static void expect_works(Client& client) {
        EXPECT_TRUE(client.put("key", "value"));
        EXPECT_EQ(client.text("key"), "value");
    }
    /// Fails soon, with a reason and no secret.
    static void expect_error(const std::string& url, const TlsOptions& tls, Errc code, const std::string& reason,
                             std::chrono::milliseconds connect_timeout = 20s) {
        Client client(
            url,
            {.tls = tls, .connect_timeout = connect_timeout, .reconnect_delay_min = 1h, .reconnect_delay_max = 1h});
        for (int i = 0; i < 2; ++i) { // the second one within the back-off
            const auto ping = client.ping(60s);
            ASSERT_FALSE(ping);
            EXPECT_EQ(ping.error().code(), code) << ping.error().message();
            EXPECT_NE(ping.error().message().find(reason), std::string::npos) << ping.error().message();
            EXPECT_EQ(ping.error().message().find(secret), std::string::npos) << ping.error().message();
        }
    }

    const tiercel::test::TempDir directory;
    CertificateAuthority authority{directory.path() / "authority"};
};

TEST_F(RedisTls, values_go_and_come_back) {
    const auto server = start();
    Client client(url(server), {.tls = trusting()});
    expect_works(client);
    EXPECT_EQ(client.text("absent"), "(none)");
    EXPECT_TRUE(client.erase("key").value());
}

TEST_F(RedisTls, a_large_value_comes_back) {
    const auto server = start();
    Client client(url(server), {.tls = trusting()});
    std::string large(1 << 20, '\0');
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<char>(i * 2'654'435'761U >> 13);
    ASSERT_TRUE(client.put("large", large));
    EXPECT_TRUE(client.text("large") == large);
}

TEST_F(RedisTls, a_batch_of_a_thousand) {
    const auto server = start();
    Client client(url(server), {.tls = trusting()});
    std::vector<std::string> names;
    for (int i = 0; i < 1000; ++i)
        names.push_back("key:" + std::to_string(i));
    const std::string filling(1000, '.');
    std::vector<std::string> values;
    for (const auto& name : names)
        values.push_back(name + filling);
    std::vector<spi::PutItem> items;
    for (std::size_t i = 0; i < names.size(); ++i)
        items.push_back({names[i], values[i], std::nullopt});
    for (const auto& result : client.run(client.backend->put_many(items, within(30s))))
        ASSERT_TRUE(result);
    const std::vector<BytesView> keys(names.begin(), names.end());
    const auto lookups = client.run(client.backend->get_many(keys, within(30s)));
    ASSERT_EQ(lookups.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        ASSERT_EQ(lookups[i].value()->value, values[i]);
}

boost::asio::awaitable<int> write_and_read(std::shared_ptr<spi::Backend> backend, int caller) {
    int right = 0;
    for (int i = 0; i < 50; ++i) {
        const auto key = std::to_string(caller) + ":" + std::to_string(i);
        const auto value = key + std::string(static_cast<std::size_t>(caller) * 997, '.');
        const std::vector<spi::PutItem> items{{key, value, std::nullopt}};
        const auto put = co_await backend->put_many(items, within(60s));
        const std::vector<BytesView> keys{key};
        const auto lookups = co_await backend->get_many(keys, within(60s));
        if (put[0] && lookups[0] && *lookups[0] && (*lookups[0])->value == value) ++right;
    }
    co_return right;
}

TEST_F(RedisTls, many_callers_share_a_connection_both_ways_at_once) {
    const auto server = start();
    Client client(url(server), {.tls = trusting()});
    std::vector<std::future<int>> callers;
    for (int i = 0; i < 32; ++i)
        callers.push_back(client.start(write_and_read(client.backend, i)));
    for (auto& caller : callers)
        EXPECT_EQ(caller.get(), 50);
}

TEST_F(RedisTls, a_host_by_name) {
    const auto server = start({.names = "DNS:localhost"});
    Client client(url(server, "localhost"), {.tls = trusting()});
    expect_works(client);
}

TEST_F(RedisTls, a_user_and_a_database) {
    const auto server = start(authority.issue(), false, {"--user", "alice", "on", ">pw", "~*", "+@all"});
    Client client("rediss://alice:pw@127.0.0.1:" + std::to_string(server.port()) + "/3", {.tls = trusting()});
    expect_works(client);
    Client elsewhere(url(server), {.tls = trusting()});
    EXPECT_EQ(elsewhere.text("key"), "(none)");
}

TEST_F(RedisTls, the_oldest_version_allowed) {
    const auto server = start(authority.issue(), false, {"--tls-protocols", "TLSv1.2"});
    Client client(url(server), {.tls = trusting()});
    expect_works(client);
}

TEST_F(RedisTls, an_authority_that_is_not_trusted) {
    const auto server = start();
    CertificateAuthority other(directory.path() / "other");
    expect_error(url(server), {.ca_file = other.certificate().string()}, Errc::connection_failed, "no authority");
    expect_error(url(server), {.ca_path = directory.path().string()}, Errc::connection_failed, "no authority");
    expect_error(url(server), {}, Errc::connection_failed, "no authority"); // the system does not know it either
}

TEST_F(RedisTls, a_certificate_of_another_name) {
    const auto server = start({.names = "DNS:cache.example,IP:127.0.0.2"});
    expect_error(url(server), trusting(), Errc::connection_failed, "not for 127.0.0.1");
    expect_error(url(server, "localhost"), trusting(), Errc::connection_failed, "not for localhost");
}

TEST_F(RedisTls, an_address_is_not_taken_for_a_name) {
    const auto server = start({.names = "DNS:127.0.0.1"});
    expect_error(url(server), trusting(), Errc::connection_failed, "not for 127.0.0.1");
}

TEST_F(RedisTls, the_name_that_the_options_give_is_the_one_verified) {
    const auto server = start({.names = "DNS:cache.example,DNS:*.wild.example,IP:10.1.2.3"});
    for (const char* name : {"cache.example", "CACHE.example", "one.wild.example", "10.1.2.3"}) {
        auto tls = trusting();
        tls.server_name = name;
        Client client(url(server), {.tls = tls});
        expect_works(client);
    }
    for (const char* name : {"other.example", "two.deep.wild.example", "wild.example", "10.1.2.4"}) {
        auto tls = trusting();
        tls.server_name = name;
        expect_error(url(server), tls, Errc::connection_failed, std::string("not for ") + name);
    }
}

TEST_F(RedisTls, a_certificate_that_has_expired_or_is_not_valid_yet) {
    const auto expired = start({.begins = -48h, .ends = -24h});
    expect_error(url(expired), trusting(), Errc::connection_failed, "has expired");
    const auto early = start({.begins = 24h, .ends = 48h});
    expect_error(url(early), trusting(), Errc::connection_failed, "not valid yet");
}

TEST_F(RedisTls, nothing_is_verified_for_who_says_so) {
    const auto server = start({.names = "DNS:cache.example", .begins = -48h, .ends = -24h});
    Client client(url(server), {.tls = {.verify_peer = false}});
    expect_works(client);
}

TEST_F(RedisTls, a_server_that_asks_its_clients_for_a_certificate) {
    const auto server = start(authority.issue(), true);
    Client client(url(server), {.tls = showing(authority.issue())});
    expect_works(client);
    auto encrypted = showing(authority.issue({.key_password = "key's"}));
    encrypted.key_password = "key's";
    Client other(url(server), {.tls = encrypted});
    expect_works(other);
}

TEST_F(RedisTls, a_client_without_a_certificate_where_one_is_wanted) {
    const auto server = start(authority.issue(), true);
    expect_error(url(server), trusting(), Errc::authentication_failed, "wants a certificate");
    const auto older = start(authority.issue(), true, {"--tls-protocols", "TLSv1.2"});
    expect_error(url(older), trusting(), Errc::connection_failed, "tls.certificate_file");
}

TEST_F(RedisTls, a_client_whose_certificate_is_not_accepted) {
    CertificateAuthority other(directory.path() / "other");
    for (const char* protocol : {"TLSv1.2", "TLSv1.3"}) {
        const auto server = start(authority.issue(), true, {"--tls-protocols", protocol});
        expect_error(url(server), showing(other.issue()), Errc::authentication_failed, "does not accept");
        expect_error(url(server), showing(authority.issue({.begins = -48h, .ends = -24h})), Errc::authentication_failed,
                     "does not accept");
    }
}

TEST_F(RedisTls, a_wrong_password) {
    const auto server = start();
    expect_error("rediss://:" + std::string(secret) + "x@127.0.0.1:" + std::to_string(server.port()), trusting(),
                 Errc::authentication_failed, "password");
}

TEST_F(RedisTls, a_server_of_plain_text) {
    const RedisServer server;
    expect_error(url(server), trusting(), Errc::connection_failed, "for plain text, write redis://", 200ms);
    const Peer talkative({"-ERR unknown command\r\n"}, Peer::AtEnd::stay);
    expect_error(talkative.url("rediss"), trusting(), Errc::connection_failed, "does not speak TLS");
}

TEST_F(RedisTls, a_server_of_tls_behind_a_url_for_plain_text) {
    const auto server = start();
    expect_error("redis://127.0.0.1:" + std::to_string(server.port()), {}, Errc::connection_failed, "rediss://");
    const Peer alerting({std::string("\x15\x03\x03\0\x02\x02\x46", 7)}, Peer::AtEnd::stay);
    expect_error(alerting.url(), {}, Errc::protocol_error, "rediss://");
}

TEST_F(RedisTls, a_peer_that_accepts_and_never_speaks) {
    const Peer peer({}, Peer::AtEnd::stay);
    expect_error(peer.url("rediss"), trusting(), Errc::connection_failed, "no TLS handshake within 200 ms", 200ms);
}

TEST_F(RedisTls, a_peer_that_closes_at_once) {
    const Peer peer({}, Peer::AtEnd::close);
    expect_error(peer.url("rediss"), trusting(), Errc::connection_failed, "port for TLS");
}

TEST_F(RedisTls, a_stopped_server_is_given_up_in_time) {
    auto server = start();
    server.stop_replying();
    expect_error(url(server), trusting(), Errc::connection_failed, "no TLS handshake within 200 ms", 200ms);
}

TEST_F(RedisTls, a_server_that_restarts_is_used_again) {
    auto server = start();
    Client client(url(server), {.tls = trusting(), .reconnect_delay_min = 1ms, .reconnect_delay_max = 10ms});
    for (int round = 0; round < 3; ++round) {
        expect_works(client);
        server.kill9();
        EXPECT_FALSE(client.ping());
        server.restart();
        EXPECT_TRUE(wait_until([&] { return client.text("key") == "(none)"; }));
    }
}

TEST_F(RedisTls, replies_in_pieces_of_a_byte) {
    const auto server = start();
    FaultProxy proxy(server.port());
    proxy.slice();
    Client client("rediss://:" + std::string(secret) + "@127.0.0.1:" + std::to_string(proxy.port()),
                  {.tls = trusting(), .connect_timeout = 20s});
    expect_works(client);
}

TEST_F(RedisTls, a_connection_cut_anywhere_is_a_failure_and_is_made_again) {
    const auto server = start();
    FaultProxy proxy(server.port());
    Client client("rediss://:" + std::string(secret) + "@127.0.0.1:" + std::to_string(proxy.port()),
                  {.tls = trusting(), .connect_timeout = 20s, .reconnect_delay_min = 1ms, .reconnect_delay_max = 1ms});
    const std::string value(5000, 'v');
    ASSERT_TRUE(client.put("key", value));
    for (std::size_t bytes = 0; bytes < 8000; bytes += 397) { // through the handshake, the log-in and the reply
        proxy.drop_connections();
        proxy.close_after(bytes);
        for (int i = 0; i < 5; ++i) {
            const auto outcome = client.text("key");
            EXPECT_TRUE(outcome == "connection_failed" || outcome == "connection_lost" || outcome == value) << outcome;
        }
        proxy.pass();
        EXPECT_TRUE(wait_until([&] { return client.text("key") == value; }));
    }
}

TEST_F(RedisTls, a_backend_closed_in_the_handshake_leaves_nobody_waiting) {
    const auto server = start();
    FaultProxy proxy(server.port());
    proxy.swallow();
    Client client("rediss://127.0.0.1:" + std::to_string(proxy.port()), {.tls = trusting(), .connect_timeout = 1h});
    auto ping = client.start(client.backend->ping(within(1h)));
    ASSERT_TRUE(wait_until([&] { return proxy.accepted() == 1; }));
    client.backend->close();
    EXPECT_EQ(code_of(ping.get()), Errc::closed);
}

} // namespace
} // namespace tiercel::redis::test
