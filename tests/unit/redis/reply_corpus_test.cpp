// What real servers sent, as tests/fuzz/resp_capture.cpp wrote it down, and hostile streams of our own making.

#include "reply_reader.hpp"

#include "fuzz/corpus_streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace tiercel::redis {
namespace {

const std::vector<fuzz::Stream>& streams() {
    static const auto corpus = fuzz::streams_of({"resp", "cluster"});
    return corpus;
}

/// Caps that let all pass that a server sends, and such as some of it is over; with all values for the parser, and
/// with most of them beside it.
const std::vector<ReplyLimits> all_limits{
    {}, {.max_reply_bytes = 1000}, {.large_bytes = 5}, {.max_reply_bytes = 1000, .large_bytes = 5}};

TEST(ReplyCorpus, holds_replies_of_every_kind) {
    std::set<Reply::Kind> kinds;
    std::set<Reply::Kind> kinds_in_arrays;
    bool empty_bulk = false;
    std::size_t depth = 0;
    for (const auto& stream : streams()) {
        for (const auto& reply : fuzz::read_whole(ReplyReader({}), stream.bytes).replies) {
            kinds.insert(reply.kind);
            for (const auto& element : reply.elements)
                kinds_in_arrays.insert(element.kind);
            empty_bulk = empty_bulk || (reply.kind == Reply::Kind::bulk && reply.text.empty());
            depth = std::max(depth, fuzz::extent_of(reply).depth);
        }
    }
    EXPECT_EQ(kinds.size(), 6U);
    EXPECT_EQ(kinds_in_arrays.size(), 6U);
    EXPECT_TRUE(empty_bulk);
    EXPECT_EQ(depth, 7U);
}

TEST(ReplyCorpus, what_a_server_sent_is_replies_to_its_last_byte) {
    for (const auto& limits : all_limits) {
        fuzz::expect_replies_to_the_last_byte(
            streams(), [&] { return ReplyReader(limits); }, "+next\r\n",
            [](const Reply& reply) { return reply.text == "next"; });
    }
}

TEST(ReplyCorpus, reads_the_same_byte_by_byte) {
    for (const auto& limits : all_limits)
        fuzz::expect_the_same_byte_by_byte(streams(), [&] { return ReplyReader(limits); });
}

TEST(ReplyCorpus, reads_the_same_when_split_at_any_byte) {
    for (const auto& limits : all_limits)
        fuzz::expect_the_same_when_split_at_any_byte(streams(), [&] { return ReplyReader(limits); });
}

TEST(ReplyCorpus, a_stream_that_ends_early_gives_the_replies_before_its_end_and_no_other) {
    fuzz::expect_a_part_to_be_the_beginning(streams(), [] { return ReplyReader({}); });
}

TEST(ReplyCorpus, reads_the_same_beside_the_parser) {
    for (const auto& stream : streams()) {
        const auto parsed = fuzz::read_whole(ReplyReader({}), stream.bytes);
        EXPECT_TRUE(fuzz::read_whole(ReplyReader({.large_bytes = 1}), stream.bytes) == parsed) << stream.name;
    }
}

} // namespace
} // namespace tiercel::redis
