// What real servers sent, as tests/fuzz/resp_capture.cpp wrote it down, and hostile streams of our own making.

#include "reply_reader.hpp"

#include "fuzz/reply_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::redis {
namespace {

using fuzz::Reading;

struct Stream {
    std::string name;
    std::string bytes;
    bool captured;
};

std::vector<Stream> corpus() {
    std::vector<Stream> streams;
    for (const char* folder : {"resp", "cluster"}) {
        for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(TIERCEL_CORPORA) / folder)) {
            const auto name = file.path().filename().string();
            std::ifstream in(file.path(), std::ios::binary);
            streams.push_back({.name = name,
                               .bytes = std::string(std::istreambuf_iterator<char>(in), {}),
                               .captured = !name.starts_with("hostile_") && name != "redirection_bare"});
        }
    }
    return streams;
}

Reading whole(const Stream& stream, const ReplyLimits& limits) {
    return fuzz::read_whole(ReplyReader(limits), stream.bytes);
}

/// Caps that let all pass that a server sends, and such as some of it is over.
const std::vector<ReplyLimits> all_limits{{}, {.max_reply_bytes = 1000}};

TEST(ReplyCorpus, holds_replies_of_every_kind) {
    std::set<Reply::Kind> kinds;
    std::set<Reply::Kind> kinds_in_arrays;
    bool empty_bulk = false;
    std::size_t depth = 0;
    for (const auto& stream : corpus()) {
        for (const auto& reply : whole(stream, {}).replies) {
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
    for (const auto& stream : corpus()) {
        if (!stream.captured) continue;
        for (const auto& limits : all_limits) {
            ReplyReader reader(limits);
            std::vector<Reply> replies;
            ASSERT_TRUE(reader.feed(stream.bytes, replies)) << stream.name;
            const auto count = replies.size();
            ASSERT_GE(count, 1U) << stream.name;
            // Nothing is left half read: the next reply begins here.
            ASSERT_TRUE(reader.feed("+next\r\n", replies)) << stream.name;
            ASSERT_EQ(replies.size(), count + 1) << stream.name;
            EXPECT_EQ(replies.back().text, "next");
        }
    }
}

TEST(ReplyCorpus, reads_the_same_byte_by_byte) {
    for (const auto& stream : corpus()) {
        for (const auto& limits : all_limits) {
            const auto one_by_one =
                fuzz::read_in_pieces(ReplyReader(limits), stream.bytes, [] { return std::size_t{1}; });
            EXPECT_TRUE(one_by_one == whole(stream, limits)) << stream.name;
        }
    }
}

TEST(ReplyCorpus, reads_the_same_when_split_at_any_byte) {
    for (const auto& stream : corpus()) {
        for (const auto& limits : all_limits) {
            const auto expected = whole(stream, limits);
            for (std::size_t split = 1; split < stream.bytes.size(); ++split) {
                std::size_t next = split;
                const auto in_two = fuzz::read_in_pieces(ReplyReader(limits), stream.bytes,
                                                         [&] { return std::exchange(next, stream.bytes.size()); });
                ASSERT_TRUE(in_two == expected) << stream.name << " split at " << split;
            }
        }
    }
}

TEST(ReplyCorpus, a_stream_that_ends_early_gives_the_replies_before_its_end_and_no_other) {
    for (const auto& stream : corpus()) {
        const auto all = whole(stream, {});
        std::size_t replies_so_far = 0;
        for (std::size_t end = 1; end < stream.bytes.size(); ++end) {
            const auto part = fuzz::read_whole(ReplyReader({}), BytesView(stream.bytes).substr(0, end));
            ASSERT_GE(part.replies.size(), replies_so_far) << stream.name << " ended at " << end;
            ASSERT_LE(part.replies.size(), all.replies.size()) << stream.name << " ended at " << end;
            replies_so_far = part.replies.size();
            for (std::size_t i = 0; i < part.replies.size(); ++i)
                ASSERT_TRUE(part.replies[i] == all.replies[i]) << stream.name << " ended at " << end;
            if (stream.captured) {
                ASSERT_FALSE(part.error) << stream.name << " ended at " << end;
            }
        }
    }
}

} // namespace
} // namespace tiercel::redis
