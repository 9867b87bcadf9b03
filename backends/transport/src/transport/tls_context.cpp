#include "transport/tls_context.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace tiercel::transport {

namespace {

/// create() puts in front where the field stands.
Error bad_field(std::string_view field, std::string_view advice) {
    return Error(Errc::invalid_option, std::string(field) + " " + std::string(advice));
}

/// OpenSSL's words for what this thread failed at last, in parentheses.
std::string reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* words = ERR_reason_error_string(code);
    return " (" + std::string(words != nullptr ? words : "for no reason that OpenSSL tells") + ")";
}

/// Errors: the system's, for what cannot be opened or is a directory where a file is wanted, or the other way round.
Result<void> check_readable(std::string_view field, const std::string& path, int flags) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
    int error = descriptor < 0 ? errno : 0;
    char byte = 0;
    if (error == 0 && (flags & O_DIRECTORY) == 0 && ::read(descriptor, &byte, 1) < 0) error = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (error == 0) return {};
    return bad_field(field, "cannot be read (" + std::generic_category().message(error) + "); check the path");
}

/// What opens an encrypted key.
struct Password {
    const std::optional<std::string>& given;
    bool asked_for = false;
};

/// OpenSSL's own would ask at the terminal.
int give_password(char* to, int size, int /*for_writing*/, void* user) {
    auto& password = *static_cast<Password*>(user);
    password.asked_for = true;
    if (!password.given || password.given->size() > static_cast<std::size_t>(size)) return -1;
    password.given->copy(to, password.given->size());
    return static_cast<int>(password.given->size());
}

Result<void> check(const TlsOptions& options) {
    if (options.certificate_file.empty() && !options.key_file.empty()) {
        return bad_field("certificate_file", "is missing for the key_file; give both or neither");
    }
    if (options.key_file.empty() && !options.certificate_file.empty()) {
        return bad_field("key_file", "is missing for the certificate_file; give both or neither");
    }
    if (options.key_password && options.key_file.empty()) {
        return bad_field("key_password", "is given, and there is no key_file that it could open");
    }
    if (!options.verify_peer && !(options.ca_file.empty() && options.ca_path.empty())) {
        return bad_field("verify_peer",
                         "is false, and there are authorities to verify by; leave ca_file and ca_path out, "
                         "or verify_peer true");
    }
    const bool name_fits =
        std::all_of(options.server_name.begin(), options.server_name.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!name_fits || options.server_name.size() > TLSEXT_MAXLEN_host_name) {
        return bad_field("server_name", "is no host name or IP address; write it as the certificate has it");
    }
    return {};
}

Result<void> load_authorities(SSL_CTX* context, const TlsOptions& options) {
    if (options.ca_file.empty() && options.ca_path.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
        return bad_field("ca_file", "is to be given: the system's store cannot be used" + reason());
    }
    if (!options.ca_file.empty()) {
        if (auto checked = check_readable("ca_file", options.ca_file, 0); !checked) return checked;
        if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
            return bad_field("ca_file", "holds no certificate in PEM form" + reason());
        }
    }
    if (!options.ca_path.empty()) {
        if (auto checked = check_readable("ca_path", options.ca_path, O_DIRECTORY); !checked) return checked;
        if (SSL_CTX_load_verify_dir(context, options.ca_path.c_str()) != 1) {
            return bad_field("ca_path", "cannot be used" + reason());
        }
    }
    return {};
}

Result<void> load_certificate(SSL_CTX* context, const TlsOptions& options) {
    if (options.certificate_file.empty()) return {};
    if (auto checked = check_readable("certificate_file", options.certificate_file, 0); !checked) return checked;
    if (auto checked = check_readable("key_file", options.key_file, 0); !checked) return checked;
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
        return bad_field("certificate_file", "holds no certificate in PEM form that could be used" + reason());
    }

    Password password{.given = options.key_password};
    SSL_CTX_set_default_passwd_cb(context, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, &password);
    const bool loaded = SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
    SSL_CTX_set_default_passwd_cb(context, nullptr);

    const auto code = ERR_peek_last_error();
    const bool mismatch = ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH;
    if (!loaded && !mismatch) {
        if (password.asked_for && !options.key_password) {
            return bad_field("key_password", "is missing: the key_file is encrypted");
        }
        if (password.asked_for) return bad_field("key_password", "does not open the key_file");
        return bad_field("key_file", "holds no private key in PEM form that could be used" + reason());
    }
    if (!loaded || SSL_CTX_check_private_key(context) != 1) {
        return bad_field("key_file", "is not the key of the certificate_file");
    }
    if (options.key_password && !password.asked_for) {
        return bad_field("key_password", "is given, and the key_file is not encrypted; leave it out");
    }
    return {};
}

/// The bytes of a numeric address; none for a name.
std::size_t numeric_address(const std::string& text, std::array<unsigned char, sizeof(in6_addr)>& bytes) noexcept {
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return sizeof(in_addr);
    return ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 ? sizeof(in6_addr) : 0;
}

} // namespace

void TlsDeleter::operator()(ssl_ctx_st* context) const noexcept {
    SSL_CTX_free(context);
}

void TlsDeleter::operator()(ssl_st* state) const noexcept {
    SSL_free(state);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsOptions& options, std::string_view field) {
    const auto in_full = [&](const Error& error) {
        return Error(error.code(), std::string(field) + "." + error.message());
    };
    if (auto checked = check(options); !checked) return in_full(checked.error());
    ERR_clear_error();
    Handle handle(SSL_CTX_new(TLS_client_method()));
    if (!handle || SSL_CTX_set_min_proto_version(handle.get(), TLS1_2_VERSION) != 1) {
        return Error(Errc::invalid_option, std::string(field) + " cannot be used: OpenSSL does not start" + reason());
    }
    SSL_CTX_set_options(handle.get(), SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(handle.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(handle.get(), options.verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (options.verify_peer) {
        if (auto loaded = load_authorities(handle.get(), options); !loaded) return in_full(loaded.error());
    }
    if (auto loaded = load_certificate(handle.get(), options); !loaded) return in_full(loaded.error());
    ERR_clear_error();
    return std::shared_ptr<const TlsContext>(new TlsContext(std::move(handle), options));
}

std::unique_ptr<ssl_st, TlsDeleter> TlsContext::start(const std::string& host) const {
    std::unique_ptr<ssl_st, TlsDeleter> state(SSL_new(handle_.get()));
    if (!state) throw std::bad_alloc();
    const std::string& name = name_of(host);
    std::array<unsigned char, sizeof(in6_addr)> address{};
    const std::size_t address_bytes = numeric_address(name, address);
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(state.get());
    bool set = address_bytes > 0 || SSL_set_tlsext_host_name(state.get(), name.c_str()) == 1;
    if (verify_peer_ && address_bytes > 0) {
        set = X509_VERIFY_PARAM_set1_ip(wanted, address.data(), address_bytes) == 1;
    } else if (verify_peer_) {
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        set = set && X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1;
    }
    // Never a connection whose name would go unchecked.
    if (!set) throw std::bad_alloc();
    return state;
}

} // namespace tiercel::transport
