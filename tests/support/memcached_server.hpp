#pragma once

#include "support/server.hpp"

namespace tiercel::test {

/// A real memcached: 64 MB, one megabyte per value, unless `arguments` say otherwise. With `unix_socket` it has no
/// port.
class MemcachedServer : public Server {
public:
    explicit MemcachedServer(ServerOptions options = {});

    /// "127.0.0.1:<port>"
    std::string address() const;

private:
    std::vector<std::string> command() const override;
    std::string pid_request() const override;
    std::string pid_words() const override { return "STAT pid "; }
    bool answers_without_pid(const std::string& answer) const override;
    bool listens_on_tcp() const override { return !options().unix_socket; }
    std::uint16_t plain_port() const override { return options().tls ? plain_port_ : port(); }

    const std::uint16_t plain_port_; // used beside TLS only
};

} // namespace tiercel::test
