#include "reply_reader.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace tiercel::redis {
namespace {

/// A reply as text, to compare and to read.
std::string show(const Reply& reply) {
    switch (reply.kind) {
    case Reply::Kind::nil:
        return "nil";
    case Reply::Kind::status:
        return '+' + reply.text;
    case Reply::Kind::error:
        return '-' + reply.text;
    case Reply::Kind::integer:
        return ':' + std::to_string(reply.integer);
    case Reply::Kind::bulk:
        return '\'' + reply.text + '\'';
    case Reply::Kind::array: {
        std::string text = "[";
        for (const auto& element : reply.elements)
            text.append(show(element)).append(1, ' ');
        return text.append(1, ']');
    }
    }
    return "?";
}

std::string show(const std::vector<Reply>& replies) {
    std::string text;
    for (const auto& reply : replies)
        text.append(show(reply)).append(1, '\n');
    return text;
}

struct Stream {
    std::string bytes;
    std::string replies;
};

const Stream every_kind{"+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n$0\r\n\r\n$5\r\na\r\nb\n\r\n*0\r\n*-1\r\n"
                        "*3\r\n$1\r\nx\r\n$-1\r\n*2\r\n:1\r\n-WRONG type\r\n+last one\r\n",
                        "+OK\n-ERR no\n:-42\nnil\n''\n'a\r\nb\n'\n[]\nnil\n['x' nil [:1 -WRONG type ] ]\n+last one\n"};

TEST(ReplyReader, reads_every_kind_of_reply) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed(every_kind.bytes, replies));
    EXPECT_EQ(show(replies), every_kind.replies);
}

TEST(ReplyReader, reads_the_same_when_split_at_any_byte) {
    for (std::size_t split = 0; split <= every_kind.bytes.size(); ++split) {
        ReplyReader reader({});
        std::vector<Reply> replies;
        ASSERT_TRUE(reader.feed(every_kind.bytes.substr(0, split), replies));
        ASSERT_TRUE(reader.feed(every_kind.bytes.substr(split), replies));
        ASSERT_EQ(show(replies), every_kind.replies) << "split at " << split;
    }
}

TEST(ReplyReader, reads_the_same_in_pieces_of_any_size) {
    for (std::size_t piece = 1; piece < 20; ++piece) {
        ReplyReader reader({});
        std::vector<Reply> replies;
        for (std::size_t at = 0; at < every_kind.bytes.size(); at += piece) {
            ASSERT_TRUE(reader.feed(every_kind.bytes.substr(at, piece), replies));
        }
        ASSERT_EQ(show(replies), every_kind.replies) << "in pieces of " << piece;
    }
}

TEST(ReplyReader, gives_a_reply_with_its_last_byte_and_not_before) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed("*2\r\n:1\r\n$3\r\nabc\r", replies));
    EXPECT_TRUE(replies.empty());
    ASSERT_TRUE(reader.feed("\n", replies));
    EXPECT_EQ(show(replies), "[:1 'abc' ]\n");
}

TEST(ReplyReader, reads_many_replies_at_once) {
    std::string bytes;
    std::string expected;
    for (int i = 0; i < 5000; ++i) {
        const auto text = std::string(static_cast<std::size_t>(i % 300), 'v') + std::to_string(i);
        bytes.append("$").append(std::to_string(text.size())).append("\r\n").append(text).append("\r\n");
        expected.append("'").append(text).append("'\n");
    }
    ReplyReader reader({});
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed(bytes, replies));
    EXPECT_TRUE(show(replies) == expected);
}

TEST(ReplyReader, reads_past_a_value_over_the_cap_and_keeps_its_place) {
    const ReplyLimits limits{.max_reply_bytes = 100};
    const std::string large(1000, 'x');
    const std::string bytes =
        "*3\r\n$2\r\nab\r\n$1000\r\n" + large + "\r\n$2\r\ncd\r\n$1000\r\n" + large + "\r\n$2\r\nef\r\n";
    const std::string expected = "['ab' -TIERCEL_TOO_LARGE 1000 'cd' ]\n-TIERCEL_TOO_LARGE 1000\n'ef'\n";
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
        ReplyReader reader(limits);
        std::vector<Reply> replies;
        ASSERT_TRUE(reader.feed(bytes.substr(0, split), replies));
        ASSERT_TRUE(reader.feed(bytes.substr(split), replies));
        ASSERT_EQ(show(replies), expected) << "split at " << split;
    }
}

TEST(ReplyReader, counts_the_values_of_one_reply_together) {
    const ReplyLimits limits{.max_reply_bytes = 100};
    const std::string part(40, 'x');
    const std::string value = "$40\r\n" + part + "\r\n";
    ReplyReader reader(limits);
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed("*3\r\n" + value + value + value + value, replies));
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(show(replies[0]), "['" + part + "' '" + part + "' -TIERCEL_TOO_LARGE 40 ]");
    EXPECT_EQ(replies[1].text, part);
}

TEST(ReplyReader, keeps_what_was_complete_before_an_offence) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    EXPECT_FALSE(reader.feed("+one\r\n:2\r\nthree", replies));
    EXPECT_EQ(show(replies), "+one\n:2\n");
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (; times > 0; --times)
        all += text;
    return all;
}

class HostileStream : public ::testing::TestWithParam<std::string> {};

TEST_P(HostileStream, is_a_protocol_error) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1} << 20}) {
        ReplyReader reader({});
        std::vector<Reply> replies;
        Result<void> fed;
        for (std::size_t at = 0; fed && at < GetParam().size(); at += piece) {
            fed = reader.feed(GetParam().substr(at, piece), replies);
        }
        ASSERT_FALSE(fed) << "in pieces of " << piece;
        EXPECT_EQ(fed.error().code(), Errc::protocol_error);
        EXPECT_TRUE(replies.empty());
    }
}

INSTANTIATE_TEST_SUITE_P(Each, HostileStream,
                         ::testing::Values("$99999999999\r\n", "$9223372036854775807\r\n", "$99999999999999999999\r\n",
                                           "$-2\r\n", "$1x\r\nab\r\n", "$\r\n", "$ 1\r\na\r\n", "$+1\r\na\r\n",
                                           "$007\r\n1234567\r\n", "*100000000\r\n", "*2147483648\r\n", "*-2\r\n",
                                           "*x\r\n", "*1000000\r\n*1000000\r\n", ":\r\n", ":12a\r\n", "$3\r\nabcd\r\n",
                                           "$3\r\nabc\n\r", "HTTP/1.1 400 Bad Request\r\n\r\n", "VERSION 1.6\r\n",
                                           "\r\n", std::string("\0", 1), "%1\r\n+a\r\n+b\r\n", "_\r\n",
                                           repeated("*1\r\n", 8), repeated("*1\r\n", 100),
                                           '+' + std::string(100'000, 'x'), '$' + std::string(100'000, '1')));

TEST(ReplyReader, takes_nesting_as_deep_as_any_command_of_ours_by_far) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed(repeated("*1\r\n", 7) + ":1\r\n", replies));
    EXPECT_EQ(show(replies), "[[[[[[[:1 ] ] ] ] ] ] ]\n");
}

TEST(ReplyReader, an_announced_array_costs_only_what_comes_of_it) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    ASSERT_TRUE(reader.feed("*1000000\r\n:1\r\n", replies));
    EXPECT_TRUE(replies.empty());
}

} // namespace
} // namespace tiercel::redis
