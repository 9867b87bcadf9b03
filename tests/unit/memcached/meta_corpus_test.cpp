// What real servers sent, as tests/fuzz/meta_capture.cpp wrote it down, and hostile streams of our own making.

#include "meta_reader.hpp"

#include "fuzz/corpus_streams.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace tiercel::memcached {
namespace {

const std::vector<fuzz::Stream>& streams() {
    static const auto corpus = fuzz::streams_of({"meta"});
    return corpus;
}

/// Caps on a value that let all pass that a server sends, and such as some of it is over.
constexpr std::size_t high_cap = std::size_t{1} << 20;
constexpr std::size_t low_cap = 100;
/// A large value, so that the smallest are.
constexpr std::size_t few = 5;

TEST(MetaCorpus, holds_replies_of_every_kind_with_every_flag) {
    std::set<Reply::Kind> kinds;
    std::set<std::string> states;
    std::set<std::string> flags;
    bool empty_value = false;
    for (const auto& stream : streams()) {
        if (!stream.captured) continue;
        for (const auto& reply : fuzz::read_whole(MetaReader(high_cap), stream.bytes).replies) {
            kinds.insert(reply.kind);
            if (reply.kind == Reply::Kind::status) states.insert(reply.text);
            empty_value = empty_value || (reply.kind == Reply::Kind::bulk && reply.text.empty());
            if (reply.integer != 0) flags.insert("c");
            if (reply.ttl == -1) flags.insert("t of what stays");
            if (reply.ttl > 0) flags.insert("t");
            if (reply.flags != 0) flags.insert("f");
            if (reply.tag != 0) flags.insert("O");
            if (reply.won) flags.insert("W");
            if (reply.stale) flags.insert("X");
            if (reply.won_before) flags.insert("Z");
        }
    }
    EXPECT_EQ(kinds, (std::set{Reply::Kind::nil, Reply::Kind::status, Reply::Kind::error, Reply::Kind::bulk}));
    EXPECT_EQ(states, (std::set<std::string>{"HD", "NS", "EX", "MN"}));
    EXPECT_EQ(flags, (std::set<std::string>{"c", "t of what stays", "t", "f", "O", "W", "X", "Z"}));
    EXPECT_TRUE(empty_value);
}

TEST(MetaCorpus, what_a_server_sent_is_replies_to_its_last_byte) {
    for (const auto cap : {high_cap, low_cap}) {
        fuzz::expect_replies_to_the_last_byte(
            streams(), [&] { return MetaReader(cap); }, "HD O77\r\n",
            [](const Reply& reply) { return reply.tag == 77; });
    }
}

TEST(MetaCorpus, reads_the_same_byte_by_byte) {
    for (const auto cap : {high_cap, low_cap}) {
        fuzz::expect_the_same_byte_by_byte(streams(), [&] { return MetaReader(cap); });
        fuzz::expect_the_same_byte_by_byte(streams(), [&] { return MetaReader(cap, few); });
    }
}

TEST(MetaCorpus, reads_the_same_when_split_at_any_byte) {
    for (const auto cap : {high_cap, low_cap}) {
        fuzz::expect_the_same_when_split_at_any_byte(streams(), [&] { return MetaReader(cap); });
        fuzz::expect_the_same_when_split_at_any_byte(streams(), [&] { return MetaReader(cap, few); });
    }
}

TEST(MetaCorpus, a_stream_that_ends_early_gives_the_replies_before_its_end_and_no_other) {
    fuzz::expect_a_part_to_be_the_beginning(streams(), [] { return MetaReader(high_cap); });
}

} // namespace
} // namespace tiercel::memcached
