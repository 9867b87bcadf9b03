// What real servers sent, as tests/fuzz/meta_capture.cpp wrote it down, and hostile streams of our own making.

#include "meta_reader.hpp"

#include "fuzz/reply_stream.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::memcached {
namespace {

using fuzz::Reading;

struct Stream {
    std::string name;
    std::string bytes;
    bool captured;
};

std::vector<Stream> corpus() {
    std::vector<Stream> streams;
    for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(TIERCEL_CORPORA) / "meta")) {
        const auto name = file.path().filename().string();
        std::ifstream in(file.path(), std::ios::binary);
        streams.push_back({.name = name,
                           .bytes = std::string(std::istreambuf_iterator<char>(in), {}),
                           .captured = !name.starts_with("hostile_")});
    }
    return streams;
}

/// Caps on a value that let all pass that a server sends, and such as some of it is over.
constexpr std::size_t high_cap = std::size_t{1} << 20;
constexpr std::size_t low_cap = 100;

Reading whole(const Stream& stream, std::size_t cap) {
    return fuzz::read_whole(MetaReader(cap), stream.bytes);
}

TEST(MetaCorpus, holds_replies_of_every_kind_with_every_flag) {
    std::set<Reply::Kind> kinds;
    std::set<std::string> states;
    std::set<std::string> flags;
    bool empty_value = false;
    for (const auto& stream : corpus()) {
        if (!stream.captured) continue;
        for (const auto& reply : whole(stream, high_cap).replies) {
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
    for (const auto& stream : corpus()) {
        if (!stream.captured) continue;
        for (const auto cap : {high_cap, low_cap}) {
            MetaReader reader(cap);
            std::vector<Reply> replies;
            ASSERT_TRUE(reader.feed(stream.bytes, replies)) << stream.name;
            const auto count = replies.size();
            ASSERT_GE(count, 1U) << stream.name;
            // Nothing is left half read: the next reply begins here.
            ASSERT_TRUE(reader.feed("HD O77\r\n", replies)) << stream.name;
            ASSERT_EQ(replies.size(), count + 1) << stream.name;
            EXPECT_EQ(replies.back().tag, 77U) << stream.name;
        }
    }
}

TEST(MetaCorpus, reads_the_same_byte_by_byte) {
    for (const auto& stream : corpus()) {
        for (const auto cap : {high_cap, low_cap}) {
            const auto one_by_one = fuzz::read_in_pieces(MetaReader(cap), stream.bytes, [] { return std::size_t{1}; });
            EXPECT_TRUE(one_by_one == whole(stream, cap)) << stream.name;
        }
    }
}

TEST(MetaCorpus, reads_the_same_when_split_at_any_byte) {
    for (const auto& stream : corpus()) {
        for (const auto cap : {high_cap, low_cap}) {
            const auto expected = whole(stream, cap);
            for (std::size_t split = 1; split < stream.bytes.size(); ++split) {
                std::size_t next = split;
                const auto in_two = fuzz::read_in_pieces(MetaReader(cap), stream.bytes,
                                                         [&] { return std::exchange(next, stream.bytes.size()); });
                ASSERT_TRUE(in_two == expected) << stream.name << " split at " << split;
            }
        }
    }
}

TEST(MetaCorpus, a_stream_that_ends_early_gives_the_replies_before_its_end_and_no_other) {
    for (const auto& stream : corpus()) {
        const auto all = whole(stream, high_cap);
        std::size_t replies_so_far = 0;
        for (std::size_t end = 1; end < stream.bytes.size(); ++end) {
            const auto part = fuzz::read_whole(MetaReader(high_cap), BytesView(stream.bytes).substr(0, end));
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
} // namespace tiercel::memcached
