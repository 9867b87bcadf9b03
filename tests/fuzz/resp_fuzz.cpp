// What a peer sends in place of RESP2: however it is cut into pieces, the same replies come of it, or the same error
// after the same replies; and no reply takes more memory than the limits allow.

#include "reply_reader.hpp"
#include "reply_stream.hpp"

namespace {

using namespace tiercel;

/// Small, so that a small input reaches each of them.
constexpr redis::ReplyLimits limits{
    .max_reply_bytes = 300, .max_skipped_bytes = 4096, .max_line_bytes = 100, .max_elements = 64};
constexpr std::size_t max_depth = 8; // hiredis' own, of which an empty array may take the last
/// The line in place of a value over the cap, which counts as none of the reply's bytes.
constexpr std::size_t stand_in_bytes = redis::too_large_prefix.size() + 21;

void is_within_limits(const fuzz::Reply& reply) {
    const auto extent = fuzz::extent_of(reply);
    fuzz::require(extent.elements <= limits.max_elements);
    fuzz::require(extent.depth <= max_depth);
    fuzz::require(extent.text_bytes <= limits.max_reply_bytes + (extent.elements + 1) * stand_in_bytes);
    // Both grow by doubling, and the shortest string has room for 15 bytes.
    const std::size_t text_room = 2 * (limits.max_reply_bytes + (extent.elements + 1) * (stand_in_bytes + 15));
    fuzz::require(extent.heap_bytes <= text_room + 2 * limits.max_elements * sizeof(fuzz::Reply));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView stream(reinterpret_cast<const char*>(data), size);
    const auto whole = fuzz::read_whole(redis::ReplyReader(limits), stream);
    const auto in_pieces = fuzz::read_in_pieces(redis::ReplyReader(limits), stream, fuzz::PieceSizes(stream));
    fuzz::require(whole == in_pieces);
    fuzz::require(!whole.error || *whole.error == Errc::protocol_error);
    for (const auto& reply : whole.replies)
        is_within_limits(reply);
    return 0;
}
