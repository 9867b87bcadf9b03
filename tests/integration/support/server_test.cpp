#include "line_client.hpp"

#include "support/memcached_server.hpp"
#include "support/redis_server.hpp"
#include "support/wait_until.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace tiercel::test {
namespace {

bool process_exists(pid_t pid) {
    return ::kill(pid, 0) == 0 || errno != ESRCH;
}

TEST(RedisServer, answers_as_soon_as_it_is_made) {
    RedisServer server;
    TcpClient client(loopback(server.port()));
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
}

TEST(RedisServer, two_run_beside_each_other) {
    RedisServer one;
    RedisServer two;
    EXPECT_NE(one.port(), two.port());
    EXPECT_NE(one.pid(), two.pid());
}

TEST(RedisServer, its_arguments_reach_it) {
    RedisServer server({.arguments = {"--requirepass", "secret"}});
    TcpClient client(loopback(server.port()));
    EXPECT_TRUE(client.ask("PING").starts_with("-NOAUTH"));
    EXPECT_EQ(client.ask("AUTH secret"), "+OK\r\n");
}

TEST(RedisServer, listens_on_a_unix_socket_too) {
    RedisServer server({.unix_socket = true});
    UnixClient client(server.unix_socket().string());
    EXPECT_EQ(client.ask("PING"), "+PONG\r\n");
}

TEST(RedisServer, kill9_and_restart_keep_the_port_and_lose_the_data) {
    RedisServer server;
    const auto port = server.port();
    const auto pid = server.pid();
    EXPECT_EQ(TcpClient(loopback(port)).ask("SET k v"), "+OK\r\n");

    server.kill9();
    EXPECT_FALSE(process_exists(pid));
    EXPECT_FALSE(TcpClient(loopback(port)).connected());

    server.restart();
    EXPECT_EQ(server.port(), port);
    EXPECT_EQ(TcpClient(loopback(port)).ask("GET k"), "$-1\r\n");
}

TEST(RedisServer, stop_replying_holds_the_answer_until_resume) {
    RedisServer server;
    TcpClient client(loopback(server.port()));
    server.stop_replying();
    client.send("PING");
    EXPECT_EQ(client.read_some(50), std::nullopt);
    server.resume();
    EXPECT_EQ(client.read_until("\r\n"), "+PONG\r\n");
}

TEST(RedisServer, is_gone_with_its_directory_even_when_stopped) {
    pid_t pid = 0;
    std::filesystem::path directory;
    {
        RedisServer server;
        pid = server.pid();
        directory = server.directory();
        server.stop_replying();
    }
    EXPECT_FALSE(process_exists(pid));
    EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST(RedisServer, that_does_not_start_says_why) {
    try {
        RedisServer server({.arguments = {"--no-such-option", "1"}});
        FAIL() << "started";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("no-such-option"), std::string::npos) << error.what();
    }
}

TEST(MissingServer, is_an_error_that_names_the_package) {
    try {
        find_program("no-such-server", "no-such-package");
        FAIL() << "found";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("no-such-package"), std::string::npos) << error.what();
    }
}

TEST(MemcachedServer, answers_as_soon_as_it_is_made) {
    MemcachedServer server;
    TcpClient client(loopback(server.port()));
    EXPECT_TRUE(client.ask("version").starts_with("VERSION "));
}

TEST(MemcachedServer, listens_on_a_unix_socket) {
    MemcachedServer server({.unix_socket = true});
    UnixClient client(server.unix_socket().string());
    EXPECT_TRUE(client.ask("version").starts_with("VERSION "));
}

TEST(MemcachedServer, restart_keeps_the_port) {
    MemcachedServer server({.arguments = {"-I", "2m"}});
    const auto port = server.port();
    server.kill9();
    server.restart();
    EXPECT_TRUE(TcpClient(loopback(port)).ask("version").starts_with("VERSION "));
}

} // namespace
} // namespace tiercel::test
