#pragma once

#include "fuzz_target.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tiercel::fuzz {

/// What a reader made of a stream: the items before an error, or all of them.
template <class Item>
struct Reading {
    std::vector<Item> items;
    std::optional<Errc> error;
};

/// Feeds the stream to `reader`, which has `Result<void> feed(BytesView, std::vector<Item>&)`, in pieces of
/// `next_piece()` bytes, at least one. Each piece is gone, with its buffer, before the next.
template <class Item, class Reader, class NextPiece>
Reading<Item> read_in_pieces(Reader&& reader, BytesView stream, NextPiece&& next_piece) {
    Reading<Item> reading;
    while (!stream.empty()) {
        const std::size_t size = std::min<std::size_t>(next_piece(), stream.size());
        const std::vector<char> exact(stream.data(), stream.data() + size);
        stream.remove_prefix(size);
        const Result<void> fed = reader.feed(BytesView(exact.data(), exact.size()), reading.items);
        if (!fed) {
            reading.error = fed.error().code();
            break;
        }
    }
    return reading;
}

/// All at once.
template <class Item, class Reader>
Reading<Item> read_whole(Reader&& reader, BytesView stream) {
    return read_in_pieces<Item>(reader, stream, [&] { return stream.size(); });
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

} // namespace tiercel::fuzz
