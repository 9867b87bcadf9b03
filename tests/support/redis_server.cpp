#include "support/redis_server.hpp"

namespace tiercel::test {

RedisServer::RedisServer(ServerOptions options) : Server(std::move(options)) {
    start();
}

std::string RedisServer::url() const {
    return "redis://127.0.0.1:" + std::to_string(port());
}

std::string RedisServer::unix_url() const {
    return "unix://" + unix_socket().string();
}

std::vector<std::string> RedisServer::command() const {
    std::vector<std::string> words = {find_program("redis-server", "redis-server"),
                                      "--bind",
                                      "127.0.0.1",
                                      "--port",
                                      std::to_string(port()),
                                      "--dir",
                                      directory().string(),
                                      "--save",
                                      "",
                                      "--appendonly",
                                      "no",
                                      "--daemonize",
                                      "no"};
    if (options().unix_socket) {
        words.emplace_back("--unixsocket");
        words.emplace_back(unix_socket().string());
    }
    words.insert(words.end(), options().arguments.begin(), options().arguments.end());
    return words;
}

bool RedisServer::answers_without_pid(const std::string& answer) const {
    return answer.starts_with("-NOAUTH") || answer.starts_with("-NOPERM");
}

} // namespace tiercel::test
