#include "client.hpp"
#include "peer.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis::test {
namespace {

const std::string welcome = "+OK\r\n+PONG\r\n"; // to CLIENT SETNAME and PING

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (; times > 0; --times)
        all += text;
    return all;
}

struct Row {
    const char* name;
    std::vector<std::string> answers;
    Peer::AtEnd at_end;
    const char* outcome; ///< of a get of one key
};

void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

class HostilePeer : public ::testing::TestWithParam<Row> {};

TEST_P(HostilePeer, fails_the_call_and_nothing_else) {
    const Peer peer(GetParam().answers, GetParam().at_end);
    Client client(peer.url(), {.connect_timeout = 400ms, .max_silence = 400ms});
    EXPECT_EQ(client.text("key", 10s), GetParam().outcome);
    client.text("key", 10s); // whatever it is: it comes, and is no value
}

INSTANTIATE_TEST_SUITE_P(
    Each, HostilePeer,
    ::testing::Values(
        Row{"speaks_http",
            {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"},
            Peer::AtEnd::close,
            "protocol_error"},
        Row{"speaks_memcached", {"ERROR\r\nERROR\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"accepts_and_never_answers", {}, Peer::AtEnd::stay, "connection_failed"},
        Row{"closes_at_once", {}, Peer::AtEnd::close, "connection_failed"},
        Row{"closes_in_the_middle_of_the_log_in", {"+OK\r\n+PO"}, Peer::AtEnd::close, "connection_failed"},
        Row{"answers_the_log_in_and_never_again", {welcome}, Peer::AtEnd::stay, "connection_lost"},
        Row{"answers_more_than_it_was_asked", {welcome + "+OK\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"closes_in_the_middle_of_a_reply", {welcome, "*1\r\n$100\r\nabc"}, Peer::AtEnd::close, "connection_lost"},
        Row{"stops_in_the_middle_of_a_reply", {welcome, "*1\r\n$100\r\nabc"}, Peer::AtEnd::stay, "connection_lost"},
        Row{"announces_a_value_of_93_GB", {welcome, "*1\r\n$99999999999\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"announces_an_array_of_a_hundred_million",
            {welcome, "*100000000\r\n"},
            Peer::AtEnd::stay,
            "protocol_error"},
        Row{"nests_arrays_10000_deep", {welcome, repeated("*1\r\n", 10'000)}, Peer::AtEnd::stay, "protocol_error"},
        Row{"announces_a_value_of_negative_length", {welcome, "*1\r\n$-2\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"announces_an_array_of_negative_length", {welcome, "*-2\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"sends_an_endless_line", {welcome, '+' + std::string(1 << 20, 'x')}, Peer::AtEnd::stay, "protocol_error"},
        Row{"answers_with_a_number", {welcome, ":1\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"answers_with_too_few_values", {welcome, "*0\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"answers_with_too_many_values", {welcome, "*2\r\n$-1\r\n$-1\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"answers_with_a_nested_array", {welcome, "*1\r\n*1\r\n$-1\r\n"}, Peer::AtEnd::stay, "protocol_error"},
        Row{"is_loading",
            {"+OK\r\n-LOADING Redis is loading\r\n", "-LOADING Redis is loading\r\n"},
            Peer::AtEnd::stay,
            "not_ready"},
        Row{"is_a_cluster", {welcome, "-MOVED 1234 10.0.0.1:6379\r\n"}, Peer::AtEnd::stay, "moved"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(HostilePeerEnd, at_any_byte_of_a_reply_gives_no_part_of_it) {
    const std::string reply = "*1\r\n$13\r\nvalue12345678\r\n"; // a version of 8 bytes ends each value
    for (std::size_t end = 0; end <= reply.size(); ++end) {
        const Peer peer({welcome, reply.substr(0, end)}, Peer::AtEnd::close);
        Client client(peer.url());
        EXPECT_EQ(client.text("key"), end < reply.size() ? "connection_lost" : "value") << "after " << end << " bytes";
    }
}

TEST(HostilePeerPing, a_loading_server_does_not_serve) {
    const Peer peer({"+OK\r\n-LOADING Redis is loading\r\n", "-LOADING Redis is loading\r\n"}, Peer::AtEnd::stay);
    Client client(peer.url());
    EXPECT_EQ(code_of(client.ping()), Errc::not_ready);
}

} // namespace
} // namespace tiercel::redis::test
