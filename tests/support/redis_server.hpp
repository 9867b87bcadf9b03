#pragma once

#include "support/server.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tiercel::test {

/// A real redis-server: no persistence, 16 databases, no password unless asked for by `arguments`.
/// A server started with `--requirepass` or ACLs counts as ready when it asks for a password.
class RedisServer : public Server {
public:
    explicit RedisServer(ServerOptions options = {});

    /// "redis://127.0.0.1:<port>", or "rediss://..." for a server with TLS.
    std::string url() const;
    /// "unix://<path>"; needs `unix_socket` or `tls`.
    std::string unix_url() const;

private:
    std::vector<std::string> command() const override;
    bool listens_on_tcp() const override { return !options().tls; } // in plain text, that is
    std::string pid_request() const override { return "INFO server\r\n"; }
    std::string pid_words() const override { return "process_id:"; }
    bool answers_without_pid(const std::string& answer) const override;
};

/// What has a redis-server, or a sentinel, speak TLS at `port`.
std::vector<std::string> tls_arguments(const ServerTls& tls, std::uint16_t port);

} // namespace tiercel::test
