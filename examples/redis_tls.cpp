// How do I talk to Redis over TLS, be sure that it is the right one, and show who I am?

#include "expect.hpp"
#include "servers.hpp"

#include "support/certificates.hpp" // of tests/: stands in for who hands out your certificates
#include "support/temp_dir.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/redis.hpp>

#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;

int main() {
    const tiercel::test::TempDir directory;
    tiercel::test::CertificateAuthority authority(directory.path());
    const auto of_redis = authority.issue({.names = "DNS:redis.example"});
    const auto of_service = authority.issue({.names = "DNS:service.example"});
    const example::OwnRedis server({.tls = tiercel::test::ServerTls{.certificate = of_redis.certificate,
                                                                    .key = of_redis.key,
                                                                    .authority = authority.certificate(),
                                                                    .asks_clients = true}});

    const auto start_service = [&](const tiercel::redis::TlsOptions& tls) {
        // [snippet redis_tls]
        auto capitals = tiercel::Cache<std::string, std::string>::create({
            .name = "capitals",
            // "rediss://[user:password@]host[:port][/database]"
            .tiers = {{.backend = tiercel::redis::connect(server.url(), {.tls = tls}), .timeout = 1s}},
        });
        // [/snippet]
        return std::move(capitals).value();
    };

    const std::string authority_pem = authority.certificate();
    const std::string service_pem = of_service.certificate;
    const std::string service_key = of_service.key;
    // [snippet redis_tls_options]
    const tiercel::redis::TlsOptions tls = {
        .ca_file = authority_pem, // who may vouch for the server; by default the authorities that the system trusts
        .certificate_file = service_pem, // for a server that asks its clients who they are
        .key_file = service_key,
        .server_name = "redis.example", // by default the host of the URL
    };
    // [/snippet]
    auto written = start_service(tls).put("France", "Paris");
    example::expect(written && written->complete(), "Redis takes the write");
    auto elsewhere = start_service(tls);
    example::expect(example::gives(elsewhere.get("France"), "Paris"), "and another service reads it");

    const auto expect_refused = [&](tiercel::redis::TlsOptions spoilt, const std::string& promise) {
        const auto report = start_service(spoilt).put("France", "Lyon");
        if (report && report->tiers.at(0).error) std::cout << report->tiers[0].error->message() << '\n';
        example::expect(report && !report->complete(), promise);
    };
    auto spoilt = tls;
    spoilt.server_name = "other.example";
    expect_refused(spoilt, "a server whose certificate is for another name gets nothing");
    spoilt = tls;
    spoilt.ca_file.clear();
    expect_refused(spoilt, "nor does one that nobody trusted vouches for");
    spoilt = tls;
    spoilt.certificate_file.clear();
    spoilt.key_file.clear();
    expect_refused(spoilt, "and this one wants to know who asks");
}
