#pragma once

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::test {

/// A server's side of TLS: PEM files.
struct ServerTls {
    std::filesystem::path certificate;
    std::filesystem::path key;
    /// Whose certificates clients may show.
    std::filesystem::path authority;
    /// Clients must show one.
    bool asks_clients = false;
};

/// Who may log in.
struct ServerLogIn {
    std::string username;
    std::string password;
};

struct ServerOptions {
    /// Added to the end of the command line.
    std::vector<std::string> arguments = {};
    /// Listen on a unix socket in the server's own directory: redis in addition to TCP, memcached instead of it.
    bool unix_socket = false;
    /// Its port speaks TLS only; a redis has a unix socket for plain text, a memcached another port.
    std::optional<ServerTls> tls = {};
    /// memcached alone: clients log in by SASL PLAIN, in the binary protocol.
    std::optional<ServerLogIn> log_in = {};
};

/// A real server on a free loopback port, in a temporary directory of its own; gone, with its directory, when this
/// object goes. What RedisServer and MemcachedServer have in common.
/// Thread safety: none; create it on a thread that outlives it (see ChildProcess).
/// Errors: std::runtime_error with the reason and the server's last words.
class Server {
public:
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    pid_t pid() const;
    std::uint16_t port() const noexcept { return port_; }
    const std::filesystem::path& directory() const noexcept { return directory_.path(); }
    /// Where the unix socket is, if there is one.
    std::filesystem::path unix_socket() const { return directory_.path() / "server.sock"; }

    /// SIGKILL; returns when it is gone.
    void kill9();
    /// Starts it again, on the same port and directory; stops it before if need be. Returns when it answers.
    void restart();
    /// The same with these in the place of ServerOptions::arguments.
    void restart_with(std::vector<std::string> arguments);
    /// SIGSTOP: connections are still accepted (by the kernel) but nothing is answered.
    void stop_replying();
    /// SIGCONT.
    void resume();

protected:
    explicit Server(ServerOptions options);
    virtual ~Server();

    /// Picks a port and starts the server; picks another while the port turns out to be taken.
    void start();
    const ServerOptions& options() const noexcept { return options_; }

    virtual std::vector<std::string> command() const = 0;
    /// A request to which a ready server answers with a text that holds its pid, and the words before that pid.
    virtual std::string pid_request() const = 0;
    virtual std::string pid_words() const = 0;
    /// True for an answer that shows a server which is ready but does not tell its pid (to somebody not logged in).
    virtual bool answers_without_pid(const std::string& answer) const = 0;
    virtual bool listens_on_tcp() const { return true; }
    /// Where that request is understood.
    virtual std::uint16_t plain_port() const { return port_; }

private:
    bool launch();
    bool ready();
    std::string last_words() const;

    ServerOptions options_;
    TempDir directory_;
    std::uint16_t port_ = 0;
    std::unique_ptr<ChildProcess> process_;
};

/// A loopback port on which nothing listens at the moment; outside the range from which the kernel takes the local
/// ports of outgoing connections, so that a client of a dead server cannot get connected to itself.
std::uint16_t free_loopback_port();

} // namespace tiercel::test
