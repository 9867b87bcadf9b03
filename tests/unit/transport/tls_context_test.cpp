#include "transport/tls_context.hpp"

#include "support/certificates.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <fstream>

namespace tiercel::transport {
namespace {

using tiercel::test::Certificate;
using tiercel::test::CertificateAuthority;

Result<std::shared_ptr<const TlsContext>> create(const TlsOptions& options) {
    return TlsContext::create(options, "service::Options::tls");
}

class TlsOptionsTest : public ::testing::Test {
protected:
    std::string file(const std::string& name, const std::string& text) const {
        const auto path = directory.path() / name;
        std::ofstream(path) << text;
        return path.string();
    }
    TlsOptions showing(const Certificate& shown) const {
        return {.certificate_file = shown.certificate.string(), .key_file = shown.key.string()};
    }
    /// The message names the field, gives the advice, and repeats neither path nor password.
    void expect_error(const TlsOptions& options, const std::string& field, const std::string& advice) const {
        const auto context = create(options);
        ASSERT_FALSE(context);
        EXPECT_EQ(context.error().code(), Errc::invalid_option);
        const auto message = context.error().message();
        EXPECT_TRUE(message.starts_with("service::Options::tls." + field + " ")) << message;
        EXPECT_NE(message.find(advice), std::string::npos) << message;
        EXPECT_EQ(message.find(directory.path().string()), std::string::npos) << message;
        EXPECT_EQ(message.find("s3cret"), std::string::npos) << message;
    }

    const tiercel::test::TempDir directory;
    CertificateAuthority authority{directory.path() / "authority"};
    const Certificate certificate = authority.issue();
};

TEST_F(TlsOptionsTest, the_system_store_by_default) {
    EXPECT_TRUE(create({}));
}

TEST_F(TlsOptionsTest, authorities_from_a_file_a_directory_or_both) {
    const auto ca_file = authority.certificate().string();
    const auto ca_path = directory.path().string();
    EXPECT_TRUE(create({.ca_file = ca_file}));
    EXPECT_TRUE(create({.ca_path = ca_path}));
    EXPECT_TRUE(create({.ca_file = ca_file, .ca_path = ca_path}));
}

TEST_F(TlsOptionsTest, authorities_that_cannot_be_read) {
    const auto nowhere = (directory.path() / "nowhere").string();
    expect_error({.ca_file = nowhere}, "ca_file", "No such file");
    expect_error({.ca_file = directory.path().string()}, "ca_file", "directory");
    expect_error({.ca_file = file("empty", "")}, "ca_file", "no certificate");
    expect_error({.ca_file = file("prose", "s3cret\n")}, "ca_file", "no certificate");
    expect_error({.ca_file = certificate.key.string()}, "ca_file", "no certificate");
    expect_error({.ca_path = nowhere}, "ca_path", "No such file");
    expect_error({.ca_path = authority.certificate().string()}, "ca_path", "directory");
}

TEST_F(TlsOptionsTest, a_certificate_and_its_key) {
    EXPECT_TRUE(create(showing(certificate)));
    const auto other = authority.issue();
    auto options = showing(certificate);
    options.key_file = other.key.string();
    expect_error(options, "key_file", "is not the key");
    expect_error({.certificate_file = certificate.certificate.string()}, "key_file", "both");
    expect_error({.key_file = certificate.key.string()}, "certificate_file", "both");
}

TEST_F(TlsOptionsTest, a_certificate_or_key_that_cannot_be_read) {
    const auto nowhere = (directory.path() / "nowhere").string();
    const auto prose = file("prose", "s3cret\n");
    for (const auto& [path, advice] : {std::pair{nowhere, "No such file"}, std::pair{prose, "PEM"}}) {
        auto options = showing(certificate);
        options.certificate_file = path;
        expect_error(options, "certificate_file", advice);
        options = showing(certificate);
        options.key_file = path;
        expect_error(options, "key_file", advice);
    }
}

TEST_F(TlsOptionsTest, an_encrypted_key_and_its_password) {
    const auto encrypted = authority.issue({.key_password = "s3cret"});
    auto options = showing(encrypted);
    expect_error(options, "key_password", "encrypted"); // and nobody is asked at the terminal
    options.key_password = "s3cret but another";
    expect_error(options, "key_password", "does not open");
    options.key_password = "s3cret";
    EXPECT_TRUE(create(options));
}

TEST_F(TlsOptionsTest, a_password_that_opens_nothing) {
    expect_error({.key_password = "s3cret"}, "key_password", "no key_file");
    auto options = showing(certificate);
    options.key_password = "s3cret";
    expect_error(options, "key_password", "not encrypted");
}

TEST_F(TlsOptionsTest, authorities_that_would_not_be_asked) {
    expect_error({.ca_file = authority.certificate().string(), .verify_peer = false}, "verify_peer", "ca_file");
    expect_error({.ca_path = directory.path().string(), .verify_peer = false}, "verify_peer", "ca_path");
}

TEST_F(TlsOptionsTest, a_name_that_is_none) {
    expect_error({.server_name = "two words"}, "server_name", "host name");
    expect_error({.server_name = std::string("nul\0", 4)}, "server_name", "host name");
    expect_error({.server_name = std::string(256, 'x')}, "server_name", "host name");
}

TEST_F(TlsOptionsTest, a_name_is_asked_for_and_an_address_is_not) {
    const auto asked_for = [](const TlsOptions& options, const char* host) {
        const auto context = create(options).value();
        const auto state = context->start(host);
        const char* name = SSL_get_servername(state.get(), TLSEXT_NAMETYPE_host_name);
        return std::string(name != nullptr ? name : "(nothing)");
    };
    EXPECT_EQ(asked_for({}, "cache.example"), "cache.example");
    EXPECT_EQ(asked_for({}, "127.0.0.1"), "(nothing)");
    EXPECT_EQ(asked_for({}, "::1"), "(nothing)");
    EXPECT_EQ(asked_for({.server_name = "cache.example"}, "127.0.0.1"), "cache.example");
    EXPECT_EQ(asked_for({.server_name = "cache.example", .verify_peer = false}, "127.0.0.1"), "cache.example");
    EXPECT_EQ(asked_for({.server_name = "10.0.0.1"}, "cache.example"), "(nothing)");
}

} // namespace
} // namespace tiercel::transport
