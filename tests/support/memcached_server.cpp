#include "support/memcached_server.hpp"

#include <unistd.h>

namespace tiercel::test {

MemcachedServer::MemcachedServer(ServerOptions options) : Server(std::move(options)) {
    start();
}

std::string MemcachedServer::address() const {
    return "127.0.0.1:" + std::to_string(port());
}

std::vector<std::string> MemcachedServer::command() const {
    std::vector<std::string> words = {find_program("memcached", "memcached")};
    if (::geteuid() == 0) { // memcached refuses to run as root unless told to
        words.emplace_back("-u");
        words.emplace_back("root");
    }
    if (options().unix_socket) {
        words.emplace_back("-s");
        words.emplace_back(unix_socket().string());
    } else {
        words.insert(words.end(), {"-l", "127.0.0.1", "-p", std::to_string(port()), "-U", "0"});
    }
    words.insert(words.end(), options().arguments.begin(), options().arguments.end());
    return words;
}

bool MemcachedServer::answers_without_pid(const std::string& answer) const {
    return answer.starts_with("CLIENT_ERROR unauthenticated");
}

} // namespace tiercel::test
