#pragma once

#include "support/redis_server.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::test {

/// A real sentinel on a free loopback port.
class SentinelServer : public Server {
public:
    /// `configuration`: the lines of its file but for the port. It keeps its own state there, over a restart too.
    explicit SentinelServer(std::string configuration, ServerOptions options = {});

    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port()); }

private:
    std::vector<std::string> command() const override;
    std::string pid_request() const override { return "INFO server\r\n"; }
    std::string pid_words() const override { return "process_id:"; }
    bool answers_without_pid(const std::string& answer) const override;

    std::string configuration_;
};

struct RedisSentinelsOptions {
    std::size_t replicas = 2;
    std::size_t sentinels = 3;
    std::string master_name = "mymaster";
    /// After that long without an answer a sentinel takes a server for down.
    std::string down_after_ms = "500";
    /// Of the servers, masters and replicas, and of the sentinels; empty for none.
    std::string password = {};
    std::string sentinel_password = {};
    /// Added to the end of every server's command line, and every sentinel's.
    std::vector<std::string> arguments = {};
    std::vector<std::string> sentinel_arguments = {};
    /// All speak TLS too, at a port of their own, as they then do among themselves, and name each other by that port.
    std::optional<ServerTls> tls = {};
};

/// A master (server 0), its replicas, and sentinels that watch them, all real and on free loopback ports. Made when the
/// replicas are in sync and all sentinels know of them and of each other.
/// Thread safety: none; create it on a thread that outlives it (see ChildProcess).
/// Errors: std::runtime_error.
class RedisSentinels {
public:
    explicit RedisSentinels(RedisSentinelsOptions options = {});

    const std::string& master_name() const noexcept { return options_.master_name; }
    RedisServer& server(std::size_t index) { return *servers_.at(index); }
    std::size_t servers() const noexcept { return servers_.size(); }
    SentinelServer& sentinel(std::size_t index) { return *sentinels_.at(index); }
    std::size_t sentinels() const noexcept { return sentinels_.size(); }
    /// Of the sentinels; of their ports for TLS if there is TLS.
    const std::vector<std::string>& urls() const noexcept { return urls_; }

    /// As of ask_redis, of a server.
    std::string ask(std::size_t server, const std::string& command) const;
    std::string ask_sentinel(std::size_t sentinel, const std::string& command) const;

    /// Which server says that it is a master, of those that are not `other_than` (which may not answer).
    /// Throws when none does within 20 seconds.
    std::size_t master_other_than(std::size_t other_than) const;
    /// Waits until each of the other servers is a replica in sync, and the sentinels see as many as there were.
    /// False if that takes over 20 seconds.
    bool is_settled() const;

private:
    void add_server();
    void add_sentinel(const std::string& configuration);
    /// Appends what has a server speak TLS. The port, 0 without TLS.
    std::uint16_t add_tls(std::vector<std::string>& arguments) const;
    /// That the others know it by.
    std::uint16_t port_of_master() const;

    RedisSentinelsOptions options_;
    std::vector<std::unique_ptr<RedisServer>> servers_;
    std::vector<std::uint16_t> tls_ports_; // of the servers
    std::vector<std::unique_ptr<SentinelServer>> sentinels_;
    std::vector<std::string> urls_;
};

} // namespace tiercel::test
