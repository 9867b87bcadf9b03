#include "support/certificates.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <random>
#include <stdexcept>
#include <utility>

namespace tiercel::test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using X509Ptr = std::unique_ptr<X509, void (*)(X509*)>;

template <class Value>
Value need(Value value) {
    if (value) return value;
    const char* words = ERR_reason_error_string(ERR_peek_last_error());
    throw std::runtime_error(std::string("OpenSSL cannot make a certificate: ") + (words ? words : "no reason given"));
}

Key make_key() {
    return {need(EVP_EC_gen("P-256")), EVP_PKEY_free};
}

void extend(X509* certificate, X509* issuer, int kind, const char* text) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
        need(X509V3_EXT_conf_nid(nullptr, &context, kind, text)), X509_EXTENSION_free);
    need(X509_add_ext(certificate, extension.get(), -1));
}

/// All but the extensions and the signature.
X509Ptr make_certificate(EVP_PKEY* key, const std::string& subject, const CertificateRequest& request) {
    X509Ptr certificate(need(X509_new()), X509_free);
    std::random_device random;
    need(X509_set_version(certificate.get(), X509_VERSION_3));
    need(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), random()));
    const auto seconds = [](std::chrono::hours time) { return std::chrono::seconds(time).count(); };
    need(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), seconds(request.begins)));
    need(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds(request.ends)));
    need(X509_set_pubkey(certificate.get(), key));
    need(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0));
    return certificate;
}

template <class Write>
void write_file(const std::filesystem::path& path, Write write) {
    std::FILE* file = std::fopen(path.c_str(), "wx");
    if (file == nullptr) throw std::runtime_error("cannot write " + path.string());
    const bool written = write(file) == 1;
    if (std::fclose(file) != 0 || !written) throw std::runtime_error("cannot write " + path.string());
}

void write_certificate(const std::filesystem::path& path, X509* certificate) {
    write_file(path, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
}

} // namespace

CertificateAuthority::CertificateAuthority(std::filesystem::path directory)
    : directory_(std::move(directory)),
      certificate_file_(directory_ / "authority.pem"),
      key_(make_key()),
      certificate_(make_certificate(key_.get(), "authority " + std::to_string(std::random_device{}()), {})) {
    std::filesystem::create_directories(directory_);
    need(X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get())));
    extend(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(certificate_.get(), certificate_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    need(X509_sign(certificate_.get(), key_.get(), EVP_sha256()));
    write_certificate(certificate_file_, certificate_.get());
}

CertificateAuthority::~CertificateAuthority() = default;

Certificate CertificateAuthority::issue(const CertificateRequest& request) {
    const auto number = std::to_string(++issued_);
    const Key key = make_key();
    const X509Ptr certificate = make_certificate(key.get(), "number " + number, request);
    need(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())));
    extend(certificate.get(), certificate_.get(), NID_subject_alt_name, request.names.c_str());
    need(X509_sign(certificate.get(), key_.get(), EVP_sha256()));

    Certificate issued{.certificate = directory_ / (number + ".pem"), .key = directory_ / (number + ".key")};
    write_certificate(issued.certificate, certificate.get());
    write_file(issued.key, [&](std::FILE* file) {
        const bool encrypted = !request.key_password.empty();
        return PEM_write_PKCS8PrivateKey(file, key.get(), encrypted ? EVP_aes_256_cbc() : nullptr,
                                         encrypted ? request.key_password.c_str() : nullptr,
                                         static_cast<int>(request.key_password.size()), nullptr, nullptr);
    });
    return issued;
}

} // namespace tiercel::test
