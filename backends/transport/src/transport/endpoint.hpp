#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tiercel::transport {

class TlsContext;

/// Where a server is, and whether it is spoken to over TLS.
struct Endpoint {
    std::string host;                      ///< a name or a numeric address; empty for a unix socket
    std::uint16_t port = 0;                ///< 0 for a unix socket
    std::string socket_path;               ///< empty for TCP
    std::shared_ptr<const TlsContext> tls; ///< null: plain text

    bool is_unix() const noexcept { return !socket_path.empty(); }
    /// "redis 127.0.0.1:6379", for messages.
    std::string label(std::string_view protocol) const;
};

} // namespace tiercel::transport
