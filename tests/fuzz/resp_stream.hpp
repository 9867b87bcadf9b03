#pragma once

#include "split_stream.hpp"

#include "reply_reader.hpp"

#include <algorithm>

namespace tiercel::fuzz {

inline bool same(const redis::Reply& a, const redis::Reply& b) {
    return a.kind == b.kind && a.integer == b.integer && a.text == b.text &&
           std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), b.elements.end(), same);
}

inline bool same(const Reading<redis::Reply>& a, const Reading<redis::Reply>& b) {
    return a.error == b.error && std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                                            [](const auto& one, const auto& other) { return same(one, other); });
}

/// What a reply, with all in it, takes.
struct Extent {
    std::size_t text_bytes = 0;
    std::size_t elements = 0;
    std::size_t heap_bytes = 0; ///< counted by the room that its strings and vectors have
    std::size_t depth = 0;      ///< of arrays
};

inline Extent extent_of(const redis::Reply& reply) {
    Extent extent{.text_bytes = reply.text.size(),
                  .elements = reply.elements.size(),
                  .heap_bytes = reply.text.capacity() + reply.elements.capacity() * sizeof(redis::Reply),
                  .depth = 0};
    for (const auto& element : reply.elements) {
        const Extent inner = extent_of(element);
        extent.text_bytes += inner.text_bytes;
        extent.elements += inner.elements;
        extent.heap_bytes += inner.heap_bytes;
        extent.depth = std::max(extent.depth, inner.depth);
    }
    if (reply.kind == redis::Reply::Kind::array) ++extent.depth;
    return extent;
}

} // namespace tiercel::fuzz
