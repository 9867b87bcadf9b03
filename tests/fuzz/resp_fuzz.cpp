// What a peer sends in place of RESP2: however it is cut into pieces, the same replies come of it, or the same error
// after the same replies; and no reply takes more memory than the limits allow. The same bytes are then taken for the
// answers to a log-in.

#include "reply_reader.hpp"
#include "reply_stream.hpp"
#include "resp_codec.hpp"

#include <memory>
#include <string>

namespace {

using namespace tiercel;

/// Small, so that a small input reaches each of them.
constexpr redis::ReplyLimits limits{
    .max_reply_bytes = 300, .max_skipped_bytes = 4096, .max_line_bytes = 100, .max_elements = 64, .large_bytes = 40};
/// No bulk within the caps is for the parser alone.
constexpr redis::ReplyLimits parsed{
    .max_reply_bytes = 300, .max_skipped_bytes = 4096, .max_line_bytes = 100, .max_elements = 64, .large_bytes = 301};
constexpr std::size_t max_message_bytes = 400;
/// Which corpus/resp/hostile_log_in_repeats_the_password repeats.
const std::string password = "fuzzed-pass";
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

/// AUTH, SELECT, CLIENT SETNAME, ROLE and PING have an answer each, or the log-in is not over.
void is_logged_in_by_all_answers(BytesView stream, const fuzz::Reading& reading) {
    constexpr std::size_t commands = 5;
    redis::Address address;
    address.host = "127.0.0.1";
    address.port = 6379;
    address.username = "somebody";
    address.password = password;
    address.database = 3;
    address.role = redis::ServerRole::master;
    const auto make_codec = [&] { return std::make_unique<redis::RespCodec>(address, "tiercel", limits); };
    const auto log_in = fuzz::judge_greeting(make_codec, stream, max_message_bytes);
    const auto& replies = reading.replies;
    fuzz::require(log_in.judged <= commands && log_in.judged <= replies.size());
    if (log_in.over) {
        const auto& role = replies[3].elements;
        fuzz::require(log_in.judged == commands && !log_in.error);
        fuzz::require(replies[0].kind == fuzz::Reply::Kind::status && replies[1].kind == fuzz::Reply::Kind::status);
        fuzz::require(!role.empty() && role[0].text == "master");
    }
    // What is said to AUTH may repeat the password.
    if (log_in.judged == 1 && log_in.error == Errc::authentication_failed) {
        fuzz::require(log_in.message.find(password) == std::string::npos);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView stream(reinterpret_cast<const char*>(data), size);
    const auto whole = fuzz::read_whole(redis::ReplyReader(parsed), stream);
    const auto in_pieces = fuzz::read_in_pieces(redis::ReplyReader(limits), stream, fuzz::PieceSizes(stream));
    fuzz::require(whole == in_pieces);
    fuzz::require(!whole.error || *whole.error == Errc::protocol_error);
    for (const auto& reply : whole.replies)
        is_within_limits(reply);
    const auto large_aside = fuzz::read_whole(redis::ReplyReader(limits), stream);
    fuzz::require(whole == large_aside);
    for (const auto& reply : large_aside.replies)
        is_within_limits(reply);
    is_logged_in_by_all_answers(stream, whole);
    return 0;
}
