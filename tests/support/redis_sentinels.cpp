#include "support/redis_sentinels.hpp"

#include "support/ask_redis.hpp"
#include "support/wait_until.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

namespace tiercel::test {

SentinelServer::SentinelServer(std::string configuration, ServerOptions options)
    : Server(std::move(options)), configuration_(std::move(configuration)) {
    start();
}

std::vector<std::string> SentinelServer::command() const {
    const auto file = directory() / "sentinel.conf";
    if (!std::filesystem::exists(file)) std::ofstream(file) << configuration_;
    std::vector<std::string> words = {find_program("redis-server", "redis-server"),
                                      file.string(),
                                      "--sentinel",
                                      "--bind",
                                      "127.0.0.1",
                                      "--port",
                                      std::to_string(port()),
                                      "--dir",
                                      directory().string()};
    words.insert(words.end(), options().arguments.begin(), options().arguments.end());
    return words;
}

bool SentinelServer::answers_without_pid(const std::string& answer) const {
    return answer.starts_with("-NOAUTH") || answer.starts_with("-NOPERM");
}

RedisSentinels::RedisSentinels(RedisSentinelsOptions options) : options_(std::move(options)) {
    for (std::size_t i = 0; i <= options_.replicas; ++i)
        add_server();
    for (std::size_t i = 1; i < servers_.size(); ++i) {
        // A replica that has not finished its first sync would never be promoted.
        const bool in_sync =
            wait_until([&] { return ask(i, "INFO replication").find("master_link_status:up") != std::string::npos; });
        if (!in_sync) throw std::runtime_error("a replica does not get in sync");
    }
    const auto& name = options_.master_name;
    const auto quorum = std::to_string(options_.sentinels / 2 + 1);
    std::string configuration = "sentinel monitor " + name + " 127.0.0.1 " + std::to_string(port_of_master()) + " " +
                                quorum + "\nsentinel down-after-milliseconds " + name + " " + options_.down_after_ms +
                                "\nsentinel failover-timeout " + name + " 2000\n";
    if (!options_.password.empty()) configuration += "sentinel auth-pass " + name + " " + options_.password + "\n";
    if (!options_.sentinel_password.empty()) {
        configuration += "requirepass " + options_.sentinel_password + "\nsentinel sentinel-pass " +
                         options_.sentinel_password + "\n";
    }
    for (std::size_t i = 0; i < options_.sentinels; ++i)
        add_sentinel(configuration);
    if (!is_settled()) throw std::runtime_error("the sentinels do not find each other and the replicas");
}

void RedisSentinels::add_server() {
    ServerOptions server{.arguments = {"--repl-diskless-sync-delay", "0"}};
    const auto add = [&](const std::vector<std::string>& more) {
        server.arguments.insert(server.arguments.end(), more.begin(), more.end());
    };
    const auto tls_port = add_tls(server.arguments);
    if (!options_.password.empty()) add({"--requirepass", options_.password, "--masterauth", options_.password});
    if (!servers_.empty()) add({"--replicaof", "127.0.0.1", std::to_string(port_of_master())});
    add(options_.arguments);
    servers_.push_back(std::make_unique<RedisServer>(std::move(server)));
    tls_ports_.push_back(tls_port);
}

void RedisSentinels::add_sentinel(const std::string& configuration) {
    ServerOptions sentinel{.arguments = options_.sentinel_arguments};
    const auto tls_port = add_tls(sentinel.arguments);
    sentinels_.push_back(std::make_unique<SentinelServer>(configuration, std::move(sentinel)));
    urls_.push_back(options_.tls ? "rediss://127.0.0.1:" + std::to_string(tls_port) : sentinels_.back()->url());
}

std::uint16_t RedisSentinels::add_tls(std::vector<std::string>& arguments) const {
    if (!options_.tls) return 0;
    const auto port = free_loopback_port();
    const auto more = tls_arguments(*options_.tls, port);
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"--tls-replication", "yes"});
    return port;
}

std::uint16_t RedisSentinels::port_of_master() const {
    return options_.tls ? tls_ports_.front() : servers_.front()->port();
}

std::string RedisSentinels::ask(std::size_t server, const std::string& command) const {
    return ask_redis(servers_.at(server)->port(), options_.password, command);
}

std::string RedisSentinels::ask_sentinel(std::size_t sentinel, const std::string& command) const {
    return ask_redis(sentinels_.at(sentinel)->port(), options_.sentinel_password, command);
}

std::size_t RedisSentinels::master_other_than(std::size_t other_than) const {
    std::size_t master = servers_.size();
    const bool found = wait_until([&] {
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            if (i == other_than) continue;
            try {
                if (ask(i, "INFO replication").find("role:master") != std::string::npos) master = i;
            } catch (const std::runtime_error&) {
                // Sentinels cut a server's clients off when they give it another part.
            }
        }
        return master < servers_.size();
    });
    if (!found) throw std::runtime_error("the sentinels promote no replica");
    return master;
}

bool RedisSentinels::is_settled() const {
    const std::string seen = "name=" + options_.master_name + ",status=ok,";
    const std::string counts =
        ",slaves=" + std::to_string(options_.replicas) + ",sentinels=" + std::to_string(options_.sentinels);
    return wait_until([&] {
        std::size_t in_sync = 0;
        for (std::size_t i = 0; i < servers_.size(); ++i)
            in_sync += ask(i, "INFO replication").find("master_link_status:up") != std::string::npos ? 1 : 0;
        if (in_sync != options_.replicas) return false;
        for (std::size_t i = 0; i < sentinels_.size(); ++i) {
            const auto info = ask_sentinel(i, "INFO sentinel");
            if (info.find(seen) == std::string::npos || info.find(counts) == std::string::npos) return false;
        }
        return true;
    });
}

} // namespace tiercel::test
