#pragma once

#include "reply_stream.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::fuzz {

/// One of a corpus of what servers send.
struct Stream {
    std::string name;
    std::string bytes;
    bool captured; ///< from a real server, to the end of a reply; not of our own making
};

/// Those of some folders of tests/fuzz/corpus.
inline std::vector<Stream> streams_of(std::initializer_list<const char*> folders) {
    std::vector<Stream> streams;
    for (const char* folder : folders) {
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

// What must hold of a reader, which `make_reader` makes anew, whatever protocol it reads. As read_in_pieces has it.

template <class MakeReader>
void expect_the_same_byte_by_byte(const std::vector<Stream>& streams, MakeReader make_reader) {
    for (const auto& stream : streams) {
        const auto one_by_one = read_in_pieces(make_reader(), stream.bytes, [] { return std::size_t{1}; });
        EXPECT_TRUE(one_by_one == read_whole(make_reader(), stream.bytes)) << stream.name;
    }
}

template <class MakeReader>
void expect_the_same_when_split_at_any_byte(const std::vector<Stream>& streams, MakeReader make_reader) {
    for (const auto& stream : streams) {
        const auto expected = read_whole(make_reader(), stream.bytes);
        for (std::size_t split = 1; split < stream.bytes.size(); ++split) {
            std::size_t next = split;
            const auto in_two =
                read_in_pieces(make_reader(), stream.bytes, [&] { return std::exchange(next, stream.bytes.size()); });
            ASSERT_TRUE(in_two == expected) << stream.name << " split at " << split;
        }
    }
}

/// A stream that ends early gives the replies before its end, and no other.
template <class MakeReader>
void expect_a_part_to_be_the_beginning(const std::vector<Stream>& streams, MakeReader make_reader) {
    for (const auto& stream : streams) {
        const auto all = read_whole(make_reader(), stream.bytes);
        std::size_t replies_so_far = 0;
        for (std::size_t end = 1; end < stream.bytes.size(); ++end) {
            const auto part = read_whole(make_reader(), BytesView(stream.bytes).substr(0, end));
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

/// Nothing is left half read at the end of what a server sent: `next`, a reply, is read there. `is_it` tells that one.
template <class MakeReader, class IsIt>
void expect_replies_to_the_last_byte(const std::vector<Stream>& streams, MakeReader make_reader, BytesView next,
                                     IsIt is_it) {
    for (const auto& stream : streams) {
        if (!stream.captured) continue;
        auto&& reader = make_reader();
        std::vector<Reply> replies;
        ASSERT_TRUE(reader.feed(stream.bytes, replies)) << stream.name;
        const auto count = replies.size();
        ASSERT_GE(count, 1U) << stream.name;
        ASSERT_TRUE(reader.feed(next, replies)) << stream.name;
        ASSERT_EQ(replies.size(), count + 1) << stream.name;
        EXPECT_TRUE(is_it(replies.back())) << stream.name;
    }
}

} // namespace tiercel::fuzz
