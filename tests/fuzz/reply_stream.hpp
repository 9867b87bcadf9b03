#pragma once

#include "fuzz_target.hpp"

#include "transport/codec.hpp"
#include "transport/reply.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::fuzz {

using transport::Reply;

/// What a reader made of a stream: the replies before an error, or all of them.
struct Reading {
    std::vector<Reply> replies;
    std::optional<Errc> error;

    bool operator==(const Reading&) const = default;
};

/// Gives the next `size` bytes of the stream, or less, to `reader`, as Session does; they are gone, with their buffer,
/// before this returns. The reader has feed, room and filled as transport::Codec has them.
template <class Reader>
Result<void> read_piece(Reader& reader, BytesView& stream, std::size_t size, std::vector<Reply>& replies) {
    size = std::min(size, stream.size());
    if (const auto room = reader.room(); !room.empty()) {
        const std::size_t received = stream.copy(room.data(), std::min(size, room.size()));
        stream.remove_prefix(received);
        reader.filled(received);
        return {};
    }
    const std::vector<char> exact(stream.data(), stream.data() + size);
    stream.remove_prefix(size);
    return reader.feed(BytesView(exact.data(), exact.size()), replies);
}

/// In pieces of `next_piece()` bytes, at least one.
template <class Reader, class NextPiece>
Reading read_in_pieces(Reader&& reader, BytesView stream, NextPiece&& next_piece) {
    Reading reading;
    while (!stream.empty()) {
        if (const auto read = read_piece(reader, stream, next_piece(), reading.replies); !read) {
            reading.error = read.error().code();
            break;
        }
    }
    return reading;
}

/// All at once.
template <class Reader>
Reading read_whole(Reader&& reader, BytesView stream) {
    return read_in_pieces(reader, stream, [&] { return stream.size(); });
}

/// Sizes of pieces that follow from the stream alone, so that a corpus holds streams as servers send them: mostly of a
/// few bytes, where a parser holds half a header.
class PieceSizes {
public:
    explicit PieceSizes(BytesView stream) {
        for (const char c : stream)
            state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3ULL; // FNV-1a
    }

    std::size_t operator()() {
        state_ = state_ * 6'364'136'223'846'793'005ULL + 1;
        const auto random = static_cast<std::size_t>(state_ >> 33U);
        return 1 + (random % 4 == 0 ? random / 4 % 100 : random / 4 % 5);
    }

private:
    std::uint64_t state_ = 0xCBF2'9CE4'8422'2325ULL;
};

/// What came of the answers to a greeting.
struct Greeting {
    std::size_t judged = 0; ///< replies
    bool over = false;      ///< well
    std::optional<Errc> error;
    std::string message; ///< of the error

    bool operator==(const Greeting&) const = default;
};

/// As a new connection's codec, up to the end of the greeting.
template <class NextPiece>
Greeting greet_in_pieces(transport::Codec& codec, BytesView stream, NextPiece&& next_piece) {
    Greeting greeting;
    const auto fail = [&](const Error& error) {
        greeting.error = error.code();
        greeting.message = error.message();
        return greeting;
    };
    while (!stream.empty()) {
        std::vector<Reply> replies;
        const auto read = read_piece(codec, stream, next_piece(), replies);
        for (const auto& reply : replies) {
            ++greeting.judged;
            if (const auto judged = codec.on_greeting_reply(reply); !judged) return fail(judged.error());
            greeting.over = codec.is_greeted();
            if (greeting.over) return greeting;
        }
        if (!read) return fail(read.error());
    }
    return greeting;
}

/// However the stream is cut, the same comes of it, and what is said of a failure is short and printable. `make_codec`
/// makes it anew.
template <class MakeCodec>
Greeting judge_greeting(MakeCodec make_codec, BytesView stream, std::size_t max_message_bytes) {
    const auto at_once = make_codec();
    const auto in_pieces = make_codec();
    const auto greeting = greet_in_pieces(*at_once, stream, [&] { return stream.size(); });
    require(greeting == greet_in_pieces(*in_pieces, stream, PieceSizes(stream)));
    require(greeting.error || at_once->is_greeted() == greeting.over);
    require(greeting.error.has_value() == !greeting.message.empty());
    require(greeting.message.size() <= max_message_bytes);
    require(std::all_of(greeting.message.begin(), greeting.message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    return greeting;
}

/// What a reply, with all in it, takes.
struct Extent {
    std::size_t text_bytes = 0;
    std::size_t elements = 0;
    std::size_t heap_bytes = 0; ///< counted by the room that its strings and vectors have
    std::size_t depth = 0;      ///< of arrays
};

inline Extent extent_of(const Reply& reply) {
    Extent extent{.text_bytes = reply.text.size(),
                  .elements = reply.elements.size(),
                  .heap_bytes = reply.text.capacity() + reply.elements.capacity() * sizeof(Reply),
                  .depth = 0};
    for (const auto& element : reply.elements) {
        const Extent inner = extent_of(element);
        extent.text_bytes += inner.text_bytes;
        extent.elements += inner.elements;
        extent.heap_bytes += inner.heap_bytes;
        extent.depth = std::max(extent.depth, inner.depth);
    }
    if (reply.kind == Reply::Kind::array) ++extent.depth;
    return extent;
}

} // namespace tiercel::fuzz
