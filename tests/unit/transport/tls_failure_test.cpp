#include "transport/tls_failure.hpp"

#include <gtest/gtest.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>

namespace tiercel::transport {
namespace {

struct Row {
    const char* name;
    TlsFailure failure;
    Errc code;
    const char* advice;
};

void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

class TlsHandshakeError : public ::testing::TestWithParam<Row> {};

TEST_P(TlsHandshakeError, says_why_and_what_to_do) {
    const auto error = handshake_error(GetParam().failure, "redis host:6379", "cache.example", "write redis://");
    EXPECT_EQ(error.code(), GetParam().code);
    EXPECT_TRUE(error.message().starts_with("redis host:6379: ")) << error.message();
    EXPECT_NE(error.message().find(GetParam().advice), std::string::npos) << error.message();
}

TlsFailure of_certificate(long verify_result) {
    return {.reason = SSL_R_CERTIFICATE_VERIFY_FAILED, .verify_result = verify_result, .words = "words"};
}

INSTANTIATE_TEST_SUITE_P(
    Each, TlsHandshakeError,
    ::testing::Values(
        Row{"expired", of_certificate(X509_V_ERR_CERT_HAS_EXPIRED), Errc::connection_failed, "has expired"},
        Row{"not_yet_valid", of_certificate(X509_V_ERR_CERT_NOT_YET_VALID), Errc::connection_failed, "clock"},
        Row{"wrong_name", of_certificate(X509_V_ERR_HOSTNAME_MISMATCH), Errc::connection_failed,
            "not for cache.example"},
        Row{"wrong_address", of_certificate(X509_V_ERR_IP_ADDRESS_MISMATCH), Errc::connection_failed,
            "tls.server_name"},
        Row{"unknown_authority", of_certificate(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY), Errc::connection_failed,
            "tls.ca_file"},
        Row{"self_signed", of_certificate(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT), Errc::connection_failed,
            "tls.ca_file"},
        Row{"revoked", of_certificate(X509_V_ERR_CERT_REVOKED), Errc::connection_failed, "revoked"},
        Row{"closed", {.peer_closed = true, .words = "words"}, Errc::connection_failed, "port for TLS"},
        Row{"plain_text",
            {.reason = SSL_R_WRONG_VERSION_NUMBER, .words = "words"},
            Errc::connection_failed,
            "does not speak TLS"},
        Row{"version",
            {.reason = SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, .words = "words"},
            Errc::connection_failed,
            "TLS 1.2"},
        Row{"refused",
            {.reason = SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, .words = "words"},
            Errc::connection_failed,
            "tls.certificate_file"},
        Row{"no_such_name",
            {.reason = SSL_R_TLSV1_UNRECOGNIZED_NAME, .words = "words"},
            Errc::connection_failed,
            "no certificate for cache.example"},
        Row{"unknown", {.words = "some words"}, Errc::connection_failed, "some words"},
        Row{"our_certificate_is_missing",
            {.reason = SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, .words = "words"},
            Errc::authentication_failed,
            "wants a certificate"},
        Row{"our_certificate_is_not_trusted",
            {.reason = SSL_R_TLSV1_ALERT_UNKNOWN_CA, .words = "some words"},
            Errc::authentication_failed,
            "some words"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(TlsRefusal, is_about_our_certificate_only) {
    EXPECT_TRUE(refusal_of_certificate({.reason = SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED}, "redis host:1"));
    EXPECT_FALSE(refusal_of_certificate({.reason = SSL_R_WRONG_VERSION_NUMBER}, "redis host:1"));
    EXPECT_FALSE(refusal_of_certificate({.peer_closed = true}, "redis host:1"));
    EXPECT_FALSE(refusal_of_certificate(of_certificate(X509_V_ERR_CERT_HAS_EXPIRED), "redis host:1"));
}

} // namespace
} // namespace tiercel::transport
