#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

struct evp_pkey_st; // OpenSSL's
struct x509_st;

namespace tiercel::test {

/// A certificate and its private key, as PEM files.
struct Certificate {
    std::filesystem::path certificate;
    std::filesystem::path key;
};

/// What a certificate says.
struct CertificateRequest {
    /// Whom it is for, as OpenSSL's subjectAltName has it.
    std::string names = "DNS:localhost,IP:127.0.0.1";
    /// From now.
    std::chrono::hours begins{-1};
    std::chrono::hours ends{1};
    /// Encrypts the key; empty: it is not encrypted.
    std::string key_password = {};
};

/// A certificate authority of a test's own, whose files stand in a directory of the test's own.
/// Thread safety: none.
/// Errors: std::runtime_error.
class CertificateAuthority {
public:
    explicit CertificateAuthority(std::filesystem::path directory);
    ~CertificateAuthority();
    CertificateAuthority(const CertificateAuthority&) = delete;
    CertificateAuthority& operator=(const CertificateAuthority&) = delete;

    /// For those who trust it.
    const std::filesystem::path& certificate() const noexcept { return certificate_file_; }

    Certificate issue(const CertificateRequest& request = {});

private:
    const std::filesystem::path directory_;
    const std::filesystem::path certificate_file_;
    long issued_ = 0;
    std::unique_ptr<evp_pkey_st, void (*)(evp_pkey_st*)> key_;
    std::unique_ptr<x509_st, void (*)(x509_st*)> certificate_;
};

} // namespace tiercel::test
