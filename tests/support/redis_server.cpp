#include "support/redis_server.hpp"

#include <initializer_list>

namespace tiercel::test {

RedisServer::RedisServer(ServerOptions options) : Server(std::move(options)) {
    start();
}

std::string RedisServer::url() const {
    return (options().tls ? "rediss" : "redis") + std::string("://127.0.0.1:") + std::to_string(port());
}

std::string RedisServer::unix_url() const {
    return "unix://" + unix_socket().string();
}

std::vector<std::string> RedisServer::command() const {
    std::vector<std::string> words = {find_program("redis-server", "redis-server"),
                                      "--bind",
                                      "127.0.0.1",
                                      "--dir",
                                      directory().string(),
                                      "--save",
                                      "",
                                      "--appendonly",
                                      "no",
                                      "--daemonize",
                                      "no"};
    const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
    if (const auto& tls = options().tls) {
        add({"--port", "0"});
        const auto more = tls_arguments(*tls, port());
        words.insert(words.end(), more.begin(), more.end());
    } else {
        add({"--port", std::to_string(port())});
    }
    if (options().unix_socket || options().tls) {
        words.emplace_back("--unixsocket");
        words.emplace_back(unix_socket().string());
    }
    words.insert(words.end(), options().arguments.begin(), options().arguments.end());
    return words;
}

bool RedisServer::answers_without_pid(const std::string& answer) const {
    return answer.starts_with("-NOAUTH") || answer.starts_with("-NOPERM");
}

std::vector<std::string> tls_arguments(const ServerTls& tls, std::uint16_t port) {
    return {"--tls-port",         std::to_string(port),
            "--tls-cert-file",    tls.certificate.string(),
            "--tls-key-file",     tls.key.string(),
            "--tls-ca-cert-file", tls.authority.string(),
            "--tls-auth-clients", tls.asks_clients ? "yes" : "no"};
}

} // namespace tiercel::test
