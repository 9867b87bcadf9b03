#pragma once

#include <tiercel/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tiercel::transport {

/// What became of a TLS connection, as OpenSSL tells it.
struct TlsFailure {
    bool peer_closed = false; ///< before the handshake was over
    int reason = 0;           ///< SSL_R_...; 0 when OpenSSL had nothing to object
    long verify_result = 0;   ///< X509_V_..., of the server's certificate
    std::string words = {};   ///< the library's or the system's
};

/// Why there is no connection to a server that was to be `name`: the server's certificate, or the peer altogether, is
/// connection_failed; ours is authentication_failed. `advice_for_plain_text`: of the Protocol.
Error handshake_error(const TlsFailure& failure, const std::string& label, const std::string& name,
                      std::string_view advice_for_plain_text);

/// The server's verdict on our certificate, which it may give after the handshake (TLS 1.3); none if this is no such.
std::optional<Error> refusal_of_certificate(const TlsFailure& failure, const std::string& label);

} // namespace tiercel::transport
