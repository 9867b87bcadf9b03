#include "meta_reader.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace tiercel::memcached {
namespace {

constexpr std::size_t limit = 1000;

/// A reply as text, to compare and to read.
std::string show(const Reply& reply) {
    std::string text;
    switch (reply.kind) {
    case Reply::Kind::nil:
        text = "nil";
        break;
    case Reply::Kind::status:
        text = '+' + reply.text;
        break;
    case Reply::Kind::error:
        text = '-' + reply.text;
        break;
    default:
        text = '\'' + reply.text + '\'';
    }
    if (reply.tag != 0) text += " #" + std::to_string(reply.tag);
    if (reply.integer != 0) text += " c" + std::to_string(static_cast<std::uint64_t>(reply.integer));
    if (reply.ttl != Reply::not_told) text += " t" + std::to_string(reply.ttl);
    if (reply.flags != 0) text += " f" + std::to_string(reply.flags);
    for (const auto& [set, mark] : {std::pair(reply.won, " W"), {reply.stale, " X"}, {reply.won_before, " Z"}}) {
        if (set) text += mark;
    }
    return text + "\n";
}

std::string show(const std::vector<Reply>& replies) {
    std::string text;
    for (const auto& reply : replies)
        text += show(reply);
    return text;
}

const std::string every_kind = "VA 5 c42 t-1 f7 s5 O9\r\na\r\nb\n\r\n"
                               "VA 0 O4294967295 W X Z t60\r\n\r\n"
                               "VA 2 c18446744073709551615\r\n\r\n\r\n"
                               "EN O1\r\nEN\r\nNF O2\r\nHD\r\nHD O3 c5 t7\r\nNS O4\r\nEX O5\r\nMN\r\n"
                               "ERROR\r\nCLIENT_ERROR bad data chunk\r\nSERVER_ERROR\r\n"
                               "HD kYWJj b q O6\r\nHD  O7 \r\n";
const std::string every_kind_shown = "'a\r\nb\n' #9 c42 t-1 f7\n"
                                     "'' #4294967295 t60 W X Z\n"
                                     "'\r\n' c18446744073709551615\n"
                                     "nil #1\nnil\nnil #2\n+HD\n+HD #3 c5 t7\n+NS #4\n+EX #5\n+MN\n"
                                     "-ERROR\n-CLIENT_ERROR bad data chunk\n-SERVER_ERROR\n"
                                     "+HD #6\n+HD #7\n";

TEST(MetaReader, reads_every_kind_of_reply) {
    MetaReader reader(limit);
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed(every_kind, replies));
    EXPECT_EQ(show(replies), every_kind_shown);
}

TEST(MetaReader, reads_the_same_when_split_at_any_byte) {
    for (std::size_t split = 0; split <= every_kind.size(); ++split) {
        MetaReader reader(limit);
        std::vector<Reply> replies;
        ASSERT_TRUE(reader.feed(BytesView(every_kind).substr(0, split), replies));
        ASSERT_TRUE(reader.feed(BytesView(every_kind).substr(split), replies));
        ASSERT_EQ(show(replies), every_kind_shown) << "split at " << split;
    }
}

TEST(MetaReader, reads_the_same_byte_by_byte) {
    MetaReader reader(limit);
    std::vector<Reply> replies;
    for (const char byte : every_kind)
        ASSERT_TRUE(reader.feed(BytesView(&byte, 1), replies));
    EXPECT_EQ(show(replies), every_kind_shown);
}

TEST(MetaReader, gives_a_reply_with_its_last_byte) {
    MetaReader reader(limit);
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed("VA 3 O1\r\nabc\r", replies));
    EXPECT_TRUE(replies.empty());
    ASSERT_TRUE(reader.feed("\n", replies));
    EXPECT_EQ(show(replies), "'abc' #1\n");
}

TEST(MetaReader, reads_past_a_value_over_the_limit_and_names_its_request) {
    const std::string stream = "VA 1000 O1\r\n" + std::string(1000, 'x') + "\r\nVA 1001 O2\r\n" +
                               std::string(1001, 'x') + "\r\nVA 1 O3\r\ny\r\n";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
        MetaReader reader(limit);
        std::vector<Reply> replies;
        for (std::size_t at = 0; at < stream.size(); at += piece)
            ASSERT_TRUE(reader.feed(BytesView(stream).substr(at, piece), replies));
        EXPECT_EQ(show(replies), "'" + std::string(1000, 'x') + "' #1\n-TIERCEL_TOO_LARGE #2\n'y' #3\n");
    }
}

TEST(MetaReader, an_announced_value_over_the_limit_costs_nothing) {
    MetaReader reader(limit);
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed("VA 1073741824 O1\r\nabc", replies));
    EXPECT_TRUE(replies.empty());
}

class HostileStream : public ::testing::TestWithParam<std::string> {};

TEST_P(HostileStream, is_a_protocol_error_that_keeps_what_came_before) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1} << 20}) {
        MetaReader reader(limit);
        std::vector<Reply> replies;
        const auto stream = "HD O1\r\n" + GetParam();
        Result<void> fed;
        for (std::size_t at = 0; fed && at < stream.size(); at += piece)
            fed = reader.feed(BytesView(stream).substr(at, piece), replies);
        ASSERT_FALSE(fed) << "in pieces of " << piece;
        EXPECT_EQ(fed.error().code(), Errc::protocol_error);
        EXPECT_EQ(show(replies), "+HD #1\n");
    }
}

INSTANTIATE_TEST_SUITE_P(Each, HostileStream,
                         ::testing::Values("VA -1 O2\r\n", "VA 99999999999 O2\r\n", "VA 18446744073709551615 O2\r\n",
                                           "VA 1073741825\r\n", "VA 99999999999999999999999 O2\r\n", "VA\r\n",
                                           "VA \r\n", "VA x O2\r\n", "VA +1 O2\r\n", "VA  1\r\n", "VA 1x\r\n",
                                           "VA 1 O2\r\nxy\r\n", "VA 1 O2\r\nx\n\n", "VA 1 O2\r\nx\r\r", "VA 1 c-1\r\n",
                                           "VA 1 c18446744073709551616\r\n", "VA 1 cx\r\n", "VA 1 O\r\n",
                                           "VA 1 O4294967296\r\n", "VA 1 O-1\r\n", "VA 1 t-2\r\n",
                                           "VA 1 t99999999999\r\n", "VA 1 f-1\r\n", "HD O2x\r\n", "HD\n", "END\r\n",
                                           "STORED\r\n", "VALUE k 0 1\r\nx\r\n", "VERSION 1.6.18\r\n", "MN O5\r\n",
                                           "ERROR 1\r\n", "OK\r\n", "42\r\n", "\r\n", " HD\r\n", "hd\r\n", "va 1\r\n",
                                           "HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ready\r\n",
                                           "-ERR unknown command\r\n", std::string("\0\r\n", 3), "\x15\x03\x03\n",
                                           std::string(100'000, 'x'), "HD " + std::string(3'000, 'k') + "\r\n"));

} // namespace
} // namespace tiercel::memcached
