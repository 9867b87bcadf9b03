#pragma once

#include "fuzz_target.hpp"

#include "transport/reply.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tiercel::fuzz {

using transport::Reply;

/// What a reader made of a stream: the replies before an error, or all of them.
struct Reading {
    std::vector<Reply> replies;
    std::optional<Errc> error;

    bool operator==(const Reading&) const = default;
};

/// Feeds the stream to `reader`, which has `Result<void> feed(BytesView, std::vector<Reply>&)`, in pieces of
/// `next_piece()` bytes, at least one. Each piece is gone, with its buffer, before the next.
template <class Reader, class NextPiece>
Reading read_in_pieces(Reader&& reader, BytesView stream, NextPiece&& next_piece) {
    Reading reading;
    while (!stream.empty()) {
        const std::size_t size = std::min<std::size_t>(next_piece(), stream.size());
        const std::vector<char> exact(stream.data(), stream.data() + size);
        stream.remove_prefix(size);
        const Result<void> fed = reader.feed(BytesView(exact.data(), exact.size()), reading.replies);
        if (!fed) {
            reading.error = fed.error().code();
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
