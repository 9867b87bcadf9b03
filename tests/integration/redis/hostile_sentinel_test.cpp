#include "client.hpp"
#include "peer.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis::test {
namespace {

const std::string log_in = "+OK\r\n+PONG\r\n";
const std::string is_replica = "+OK\r\n*1\r\n$5\r\nslave\r\n+PONG\r\n";
const std::string is_master = "+OK\r\n*1\r\n$6\r\nmaster\r\n+PONG\r\n";

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
std::string details(const std::string& epoch = "1") {
    return "*2\r\n" + bulk("config-epoch") + bulk(epoch);
}
std::string names(const std::string& host, const std::string& port) {
    return "*2\r\n" + bulk(host) + bulk(port) + details();
}

SentinelOptions without_patience() {
    return {.master_name = "mymaster",
            .node = {.connect_timeout = 200ms, .reconnect_delay_min = 1h, .reconnect_delay_max = 1h}};
}

std::string port_of(const Peer& peer) {
    return peer.url().substr(peer.url().rfind(':') + 1);
}

struct Row {
    const char* name;
    std::vector<std::string> answers;
    const char* get;
};

void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

class HostileSentinel : public ::testing::TestWithParam<Row> {};

TEST_P(HostileSentinel, is_a_typed_error_by_the_deadline) {
    auto answers = GetParam().answers;
    answers.insert(answers.begin(), log_in);
    const Peer peer(answers, Peer::AtEnd::stay);
    Client client(*connect_sentinel({peer.url()}, without_patience()));
    EXPECT_EQ(client.text("key", 5s), GetParam().get);
    EXPECT_TRUE(code_of(client.put("key", "value", std::nullopt, 5s)));
}

INSTANTIATE_TEST_SUITE_P(
    Each, HostileSentinel,
    ::testing::Values(
        Row{"silence", {}, "connection_failed"}, Row{"another_kind_of_reply", {"+OK\r\n+OK\r\n"}, "protocol_error"},
        Row{"a_host_alone", {"*1\r\n" + bulk("h") + details()}, "protocol_error"},
        Row{"no_host", {names("", "6379")}, "protocol_error"},
        Row{"a_host_that_none_has", {names("a b", "6379")}, "protocol_error"},
        Row{"port_0", {names("127.0.0.1", "0")}, "protocol_error"},
        Row{"a_port_beyond_the_last", {names("127.0.0.1", "65536")}, "protocol_error"},
        Row{"a_negative_port", {names("127.0.0.1", "-1")}, "protocol_error"},
        Row{"no_epoch", {"*2\r\n" + bulk("127.0.0.1") + bulk("1") + "*0\r\n"}, "protocol_error"},
        Row{"a_negative_epoch", {"*2\r\n" + bulk("127.0.0.1") + bulk("1") + details("-1")}, "protocol_error"},
        Row{"an_endless_list", {"*100000000\r\n"}, "protocol_error"},
        Row{"nested_too_deep", {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}, "protocol_error"},
        Row{"half_an_answer", {"*2\r\n" + bulk("127.0.0.1")}, "connection_failed"},
        Row{"an_unknown_name", {"*-1\r\n-ERR No such master with that name\r\n"}, "invalid_option"},
        Row{"no_permission", {"-NOPERM no\r\n-NOPERM no\r\n"}, "permission_denied"},
        Row{"a_dead_server", {names("127.0.0.1", "1")}, "connection_failed"},
        Row{"itself", {names("127.0.0.1", "{port}")}, "protocol_error"}),
    [](const auto& row) { return std::string(row.param.name); });

struct NodeRow {
    const char* name;
    std::vector<std::string> answers; ///< of what the sentinel names as the master
    const char* get;
};

void PrintTo(const NodeRow& row, std::ostream* out) {
    *out << row.name;
}

class WrongMaster : public ::testing::TestWithParam<NodeRow> {};

TEST_P(WrongMaster, is_not_used) {
    const Peer node(GetParam().answers, Peer::AtEnd::stay);
    const Peer sentinel({log_in, names("127.0.0.1", port_of(node))}, Peer::AtEnd::stay);
    Client client(*connect_sentinel({sentinel.url()}, without_patience()));
    EXPECT_EQ(client.text("key", 5s), GetParam().get);
    EXPECT_TRUE(code_of(client.put("key", "value", std::nullopt, 5s)));
}

INSTANTIATE_TEST_SUITE_P(
    Each, WrongMaster,
    ::testing::Values(
        NodeRow{"a_replica", {is_replica}, "read_only"},
        NodeRow{"a_sentinel", {"+OK\r\n*1\r\n$8\r\nsentinel\r\n+PONG\r\n"}, "read_only"},
        NodeRow{"one_that_says_nothing", {}, "connection_failed"},
        NodeRow{"one_that_does_not_tell_its_role", {"+OK\r\n-NOPERM no\r\n+PONG\r\n"}, "permission_denied"},
        NodeRow{"one_that_tells_something_else", {"+OK\r\n:1\r\n+PONG\r\n"}, "protocol_error"},
        NodeRow{"one_that_changes_its_mind", {is_master, "*1\r\n$5\r\nslave\r\n"}, "read_only"},
        NodeRow{"one_that_wants_a_password", {"-NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n"}, "authentication_failed"}),
    [](const auto& row) { return std::string(row.param.name); });

} // namespace
} // namespace tiercel::redis::test
