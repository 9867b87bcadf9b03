// Asks a real redis-server and a real cluster for replies of every kind, and writes what they send, byte for byte, into
// the seed corpora. Run by hand when a server of another version has something new to say; the replies name ports, so
// that no two runs give the same files.
// Usage: resp_capture <folder of corpora>, which is tests/fuzz/corpus.

#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using Command = std::vector<std::string>;

class Capture {
public:
    Capture(std::uint16_t port, std::filesystem::path folder) : socket_(context_), folder_(std::move(folder)) {
        std::filesystem::create_directories(folder_);
        socket_.connect({asio::ip::address_v4::loopback(), port});
    }

    /// Sends the commands together; what comes back.
    std::string ask(const std::vector<Command>& commands) {
        std::string request;
        for (const auto& command : commands)
            append(request, command);
        append(request, {"ECHO", end_mark}); // its reply tells that all the others are there
        asio::write(socket_, asio::buffer(request));
        const std::string last = "$" + std::to_string(end_mark.size()) + "\r\n" + end_mark + "\r\n";
        std::string replies;
        asio::read_until(socket_, asio::dynamic_buffer(replies), last);
        replies.resize(replies.size() - last.size());
        return replies;
    }

    /// The replies to all of them become one file.
    void write(const std::string& name, const std::vector<Command>& commands) {
        const auto replies = ask(commands);
        std::ofstream(folder_ / name, std::ios::binary) << replies;
        std::printf("%s: %zu bytes\n", name.c_str(), replies.size());
    }

private:
    static void append(std::string& request, const Command& command) {
        request += "*" + std::to_string(command.size()) + "\r\n";
        for (const auto& word : command)
            request += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }

    const std::string end_mark = "here end the replies that were asked for";
    asio::io_context context_;
    asio::ip::tcp::socket socket_;
    const std::filesystem::path folder_;
};

std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes += static_cast<char>(byte);
    return bytes + "\r\n$-1\r\n*2\r\n";
}

void capture_one_server(const std::filesystem::path& folder) {
    tiercel::test::RedisServer server;
    Capture to(server.port(), folder);
    to.write("log_in", {{"SELECT", "1"}, {"SELECT", "0"}, {"CLIENT", "SETNAME", "tiercel"}, {"PING"}});
    to.write("log_in_refused", {{"AUTH", "nobody", "wrong"}, {"SELECT", "99"}, {"PING"}});
    const std::vector<Command> whole_log_in = {
        {"AUTH", "somebody", "fuzzed-pass"}, {"SELECT", "3"}, {"CLIENT", "SETNAME", "tiercel"}, {"ROLE"}, {"PING"}};
    to.ask({{"ACL", "SETUSER", "somebody", "on", ">fuzzed-pass", "+@all"}});
    to.write("log_in_at_a_master", whole_log_in);
    to.ask({{"REPLICAOF", "127.0.0.1", "1"}});
    to.write("log_in_at_a_replica", whole_log_in);
    to.ask({{"REPLICAOF", "NO", "ONE"}, {"SELECT", "0"}});
    to.write("status", {{"SET", "text", "some text"}});
    to.write("integers",
             {{"INCR", "n"}, {"DECRBY", "n", "43"}, {"SET", "n", "9223372036854775807"}, {"INCRBY", "n", "0"}});
    to.write("nil", {{"GET", "none"}});
    to.write("nil_array", {{"BLPOP", "none", "0.001"}});
    to.write("bulk", {{"GET", "text"}});
    to.write("bulk_empty", {{"SET", "empty", ""}, {"GET", "empty"}});
    to.write("bulk_of_every_byte", {{"SET", "bytes", every_byte()}, {"GET", "bytes"}});
    to.write("bulk_of_3000", {{"SET", "large", std::string(3000, 'v')}, {"GET", "large"}});
    to.write("errors",
             {{"RPUSH", "list", "1", "2", "3"}, {"GET", "list"}, {"NO", "such", "command"}, {"GET"}, {"INCR", "text"}});
    to.write("array_empty", {{"LRANGE", "none", "0", "-1"}, {"MGET", "none"}});
    to.write("array", {{"LRANGE", "list", "0", "-1"}});
    to.write("mget_with_nils", {{"MGET", "text", "none", "empty", "list", "bytes", "none", "n"}});
    to.write("mget_over_the_cap", {{"MGET", "text", "large", "none", "large", "text"}});
    to.write("scan", {{"SCAN", "0", "MATCH", "*", "COUNT", "512"}});
    to.write("nested",
             {{"EVAL", "return {1,{'two',{3,{false,{}},'four'}},{err='OF script'},{ok='FINE'},'five'}", "0"}});
    to.write("nested_seven_deep", {{"EVAL", "return {{{{{{{'deep'}}}}}}}", "0"}});
    to.write("command_info", {{"COMMAND", "INFO", "GET", "MGET", "NOSUCH"}});
    to.write("transaction", {{"MULTI"}, {"GET", "text"}, {"INCR", "text"}, {"MGET", "none", "text"}, {"EXEC"}});
    to.write("conditional",
             {{"SET", "text", "v", "NX"}, {"EXISTS", "text"}, {"UNLINK", "none"}, {"PEXPIRE", "text", "60000"}});
    to.write("pipeline", {{"PING"},
                          {"MGET", "text", "none"},
                          {"GET", "none"},
                          {"INCR", "n2"},
                          {"GET", "list"},
                          {"LRANGE", "list", "0", "-1"},
                          {"GET", "empty"},
                          {"SCAN", "0"},
                          {"GET", "bytes"},
                          {"PING"}});
    to.ask({{"CONFIG", "SET", "maxmemory", "1"}});
    to.write("out_of_memory", {{"SET", "other", "v"}, {"GET", "n"}});
    to.ask({{"CONFIG", "SET", "maxmemory", "0"}, {"REPLICAOF", "127.0.0.1", "1"}});
    to.write("read_only", {{"SET", "other", "v"}, {"GET", "n"}});
    to.ask({{"CONFIG", "SET", "replica-serve-stale-data", "no"}});
    to.write("master_down", {{"GET", "n"}});
    to.ask({{"REPLICAOF", "NO", "ONE"}, {"ACL", "SETUSER", "weak", "on", "nopass", "+echo"}});
    to.write("no_permission", {{"AUTH", "weak", "any"}, {"GET", "text"}, {"PING"}});
}

void capture_cluster(const std::filesystem::path& folder) {
    tiercel::test::RedisCluster cluster({.masters = 3, .replicas_each = 1});
    Capture first(cluster.node(0).port(), folder);
    first.write("slots", {{"CLUSTER", "SLOTS"}});
    first.write("moved", {{"GET", "foo"}, {"MGET", "{foo}a", "{foo}b"}}); // slot 12182 is the third master's
    first.write("cross_slot", {{"MGET", "a", "b"}});

    // A slot that is on its way: {bar} is in 5061, the first master's.
    first.ask({{"SET", "{bar}here", "v"}});
    first.ask({{"CLUSTER", "SETSLOT", "5061", "MIGRATING", cluster.id(1)}});
    first.write("ask", {{"GET", "{bar}gone"}, {"GET", "{bar}here"}});
    first.write("try_again", {{"MGET", "{bar}here", "{bar}gone"}});
    first.ask({{"CLUSTER", "SETSLOT", "5061", "STABLE"}});
    first.write("slots_then_moved", {{"CLUSTER", "SLOTS"}, {"GET", "foo"}, {"GET", "hello"}, {"GET", "{bar}here"}});

    first.ask({{"CONFIG", "SET", "cluster-preferred-endpoint-type", "unknown-endpoint"}});
    first.write("slots_without_hosts", {{"CLUSTER", "SLOTS"}, {"GET", "foo"}});
    first.ask({{"CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname"}});
    first.write("slots_without_names", {{"CLUSTER", "SLOTS"}, {"GET", "foo"}});
    first.ask({{"CONFIG", "SET", "cluster-announce-hostname", "node-0.redis.example"}});
    first.write("slots_with_names", {{"CLUSTER", "SLOTS"}});

    cluster.node(2).kill9();
    while (first.ask({{"GET", "{bar}here"}}).front() != '-') {
    }
    first.write("cluster_down", {{"GET", "{bar}here"}, {"CLUSTER", "SLOTS"}});

    tiercel::test::RedisServer lonely({.arguments = {"--cluster-enabled", "yes"}});
    Capture(lonely.port(), folder).write("slots_of_nobody", {{"CLUSTER", "SLOTS"}, {"GET", "foo"}});
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s <folder of corpora>\n", argv[0]);
        return 2;
    }
    const std::filesystem::path corpora = argv[1];
    capture_one_server(corpora / "resp");
    capture_cluster(corpora / "cluster");
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "resp_capture: %s\n", error.what());
    return 1;
}
