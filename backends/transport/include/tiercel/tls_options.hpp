#pragma once

#include <optional>
#include <string>

namespace tiercel {

/// How a backend speaks TLS, 1.2 or later. The files are PEM and are read once, by connect(): renewed ones take a new
/// backend.
struct TlsOptions {
    /// A file of authorities, one of which must vouch for the server's certificate; a self-signed certificate vouches
    /// for itself. With neither this nor `ca_path`: the system's store (OpenSSL's, with SSL_CERT_FILE and
    /// SSL_CERT_DIR).
    std::string ca_file = {};
    /// A directory of authorities, named as `openssl rehash` does; looked into at each connect. May stand beside
    /// `ca_file`.
    std::string ca_path = {};
    /// What we show to a server that asks who we are: our certificate, then those between it and its
    /// authority. Needs `key_file`. Default: none is shown.
    std::string certificate_file = {};
    /// The private key of `certificate_file`.
    std::string key_file = {};
    /// Opens an encrypted `key_file`.
    std::optional<std::string> key_password = {};
    /// The host name or IP address that the server's certificate must be for; a name is also asked for (SNI). Default:
    /// the host that is connected to.
    std::string server_name = {};
    /// False: any certificate of anybody's passes, expired or not: encrypted, but who knows with whom. Not to be had
    /// together with `ca_file` or `ca_path`. Default: chain, dates and name are verified.
    bool verify_peer = true;

    friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

} // namespace tiercel
