// What a peer sends in place of memcached's meta protocol: however it is cut into pieces, the same replies come of it,
// or the same error after the same replies; no reply is over the limit, and each is read again when it is told again.
// The same bytes are then taken for the answers to the greeting.

#include "meta_errors.hpp"
#include "meta_protocol.hpp"
#include "meta_reader.hpp"
#include "reply_stream.hpp"

#include <algorithm>
#include <string>

namespace {

using namespace tiercel;
using fuzz::Reply;
using memcached::MetaReader;

constexpr std::size_t max_value_bytes = 300; // small, so that a small input reaches it
constexpr std::size_t large_bytes = 40;
constexpr std::size_t max_message_bytes = 300;

bool is_stand_in(const Reply& reply) {
    return reply.kind == Reply::Kind::error && reply.text == memcached::too_large_prefix;
}

void is_within_limits(const Reply& reply) {
    const bool is_value = reply.kind == Reply::Kind::bulk;
    const std::size_t limit = is_value ? max_value_bytes : MetaReader::max_line_bytes;
    fuzz::require(reply.kind != Reply::Kind::integer && reply.kind != Reply::Kind::array && reply.elements.empty());
    fuzz::require(reply.kind != Reply::Kind::nil || reply.text.empty());
    fuzz::require(reply.text.size() <= limit);
    // A string grows by doubling, and the shortest has room for 15 bytes.
    fuzz::require(reply.text.capacity() <= 2 * std::max<std::size_t>(reply.text.size(), 15));
    fuzz::require(reply.ttl >= -1 || reply.ttl == Reply::not_told);
}

/// The reply as a server could send it.
std::string told_again(const Reply& reply) {
    std::string line;
    std::string value;
    switch (reply.kind) {
    case Reply::Kind::nil:
        line = "EN";
        break;
    case Reply::Kind::bulk:
        line = "VA " + std::to_string(reply.text.size());
        value = reply.text + "\r\n";
        break;
    case Reply::Kind::error:
        if (!is_stand_in(reply)) return reply.text + "\r\n"; // an error line has no flags
        line = "VA " + std::to_string(max_value_bytes + 1);
        value = std::string(max_value_bytes + 1, 'v') + "\r\n";
        break;
    default:
        line = reply.text;
    }
    if (reply.integer != 0) line += " c" + std::to_string(static_cast<std::uint64_t>(reply.integer));
    if (reply.ttl != Reply::not_told) line += " t" + std::to_string(reply.ttl);
    if (reply.flags != 0) line += " f" + std::to_string(reply.flags);
    if (reply.won) line += " W";
    if (reply.stale) line += " X";
    if (reply.won_before) line += " Z";
    if (reply.tag != 0) line += " O" + std::to_string(reply.tag);
    return line + "\r\n" + value;
}

/// What is said of an error line is short and printable, whatever the line.
void is_explained(const Reply& reply) {
    if (reply.kind != Reply::Kind::error) return;
    const auto error = memcached::to_error(reply.text, "127.0.0.1:11211");
    fuzz::require(error.code() == Errc::value_too_large || !is_stand_in(reply));
    fuzz::require(error.message().size() <= max_message_bytes);
    fuzz::require(
        std::all_of(error.message().begin(), error.message().end(), [](char c) { return c >= ' ' && c <= '~'; }));
}

bool is_status(const Reply& reply, BytesView text) {
    return reply.kind == Reply::Kind::status && reply.text == text;
}

/// The greeting is over with the two answers that a memcached gives, and with no others.
void is_greeted_by_memcached_only(BytesView stream, const fuzz::Reading& reading) {
    const auto make_codec = [] {
        return memcached::MetaProtocol("memcached 127.0.0.1:11211", max_value_bytes).make_codec();
    };
    const auto greeting = fuzz::judge_greeting(make_codec, stream, max_message_bytes);
    const auto& replies = reading.replies;
    const bool answered = replies.size() >= 2 && replies[0].tag == 1 &&
                          (replies[0].kind == Reply::Kind::nil || is_status(replies[0], "HD")) &&
                          is_status(replies[1], "MN");
    fuzz::require(greeting.over == answered);
    fuzz::require(greeting.judged <= 2);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView stream(reinterpret_cast<const char*>(data), size);
    const auto whole = fuzz::read_whole(MetaReader(max_value_bytes), stream);
    const auto in_pieces =
        fuzz::read_in_pieces(MetaReader(max_value_bytes, large_bytes), stream, fuzz::PieceSizes(stream));
    fuzz::require(whole == in_pieces);
    fuzz::require(!whole.error || *whole.error == Errc::protocol_error);
    std::string again;
    for (const auto& reply : whole.replies) {
        is_within_limits(reply);
        is_explained(reply);
        again += told_again(reply);
    }
    fuzz::require(fuzz::read_whole(MetaReader(max_value_bytes), again) == fuzz::Reading{whole.replies, {}});
    is_greeted_by_memcached_only(stream, whole);
    return 0;
}
