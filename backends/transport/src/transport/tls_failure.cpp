#include "transport/tls_failure.hpp"

#include <openssl/sslerr.h>
#include <openssl/x509.h>

namespace tiercel::transport {

namespace {

std::string about_certificate(long verify_result, const std::string& name) {
    switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the server's certificate, or that of its authority, has expired; renew it, or check this machine's "
               "clock";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the server's certificate is not valid yet; check this machine's clock and the server's";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the server's certificate is not for " + name +
               "; connect by a name that it has, or give that as Options::tls.server_name";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: // an authority of the same name, with another key
        return "no authority that is trusted here vouches for the server's certificate (" +
               std::string(X509_verify_cert_error_string(verify_result)) +
               "); give its authority as Options::tls.ca_file";
    default:
        return "the server's certificate is not accepted (" +
               std::string(X509_verify_cert_error_string(verify_result)) + ")";
    }
}

} // namespace

Error handshake_error(const TlsFailure& failure, const std::string& label, const std::string& name,
                      std::string_view advice_for_plain_text) {
    if (auto refused = refusal_of_certificate(failure, label)) return std::move(*refused);
    const auto failed = [&](const std::string& why) {
        return Error(Errc::connection_failed, label + ": no TLS connection: " + why);
    };
    const std::string plainly(advice_for_plain_text);
    if (failure.verify_result != X509_V_OK) return failed(about_certificate(failure.verify_result, name));
    if (failure.peer_closed) {
        return failed("the server closed it in the handshake; check that this is its port for TLS (for plain text, " +
                      plainly + ")");
    }
    const auto in_words = " (" + failure.words + ")";
    switch (failure.reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNEXPECTED_MESSAGE:
        return failed("the server does not speak TLS" + in_words + "; " + plainly + ", or give the port of its TLS");
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return failed("no version in common" + in_words + "; the server needs TLS 1.2 or 1.3");
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return failed(
            "the server refuses the handshake" + in_words +
            ": there is no cipher in common, or it wants a certificate, which Options::tls.certificate_file and "
            "tls.key_file give");
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
        return failed("the server has no certificate for " + name + in_words +
                      "; give a name that it has as Options::tls.server_name");
    default:
        return failed(failure.words);
    }
}

std::optional<Error> refusal_of_certificate(const TlsFailure& failure, const std::string& label) {
    switch (failure.reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
        return Error(Errc::authentication_failed, label +
                                                      ": the server wants a certificate from its clients; give one as "
                                                      "Options::tls.certificate_file and tls.key_file");
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return Error(Errc::authentication_failed,
                     label + ": the server does not accept Options::tls.certificate_file (" + failure.words +
                         "); check its dates and the server's authorities");
    default:
        return std::nullopt;
    }
}

} // namespace tiercel::transport
