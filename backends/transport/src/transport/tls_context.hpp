#pragma once

#include <tiercel/result.hpp>
#include <tiercel/tls_options.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct ssl_ctx_st; // OpenSSL's SSL_CTX and SSL
struct ssl_st;

namespace tiercel::transport {

struct TlsDeleter {
    void operator()(ssl_ctx_st* context) const noexcept;
    void operator()(ssl_st* state) const noexcept;
};

/// Whom the connections of a backend trust, and what they show of themselves.
/// Thread safety: all members may be called concurrently.
class TlsContext {
public:
    /// Reads the files.
    /// Errors: invalid_option; the message names the field as one of `field`, "redis::Options::tls", and repeats no
    /// value.
    static Result<std::shared_ptr<const TlsContext>> create(const TlsOptions& options, std::string_view field);

    /// The state of one connection, which will accept only a certificate for name_of(host).
    /// Throws std::bad_alloc.
    std::unique_ptr<ssl_st, TlsDeleter> start(const std::string& host) const;

    /// Whom a server at `host` has to be.
    const std::string& name_of(const std::string& host) const noexcept {
        return server_name_.empty() ? host : server_name_;
    }

private:
    using Handle = std::unique_ptr<ssl_ctx_st, TlsDeleter>;

    TlsContext(Handle handle, const TlsOptions& options)
        : handle_(std::move(handle)), server_name_(options.server_name), verify_peer_(options.verify_peer) {}

    const Handle handle_;
    const std::string server_name_;
    const bool verify_peer_;
};

} // namespace tiercel::transport
