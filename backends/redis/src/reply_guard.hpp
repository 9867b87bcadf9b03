#pragma once

#include "transport/arriving_value.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tiercel::redis {

/// Begins the error line that stands in for a bulk that is over the cap.
inline constexpr std::string_view too_large_prefix = "TIERCEL_TOO_LARGE";

/// Caps on what a peer may announce or send.
struct ReplyLimits {
    std::size_t max_reply_bytes = std::size_t{64} << 20;    ///< of one reply, nested ones included
    std::size_t max_skipped_bytes = std::size_t{512} << 20; ///< an announced bulk beyond it is no Redis server's
    std::size_t max_line_bytes = std::size_t{64} << 10;
    std::size_t max_elements = std::size_t{1} << 20; ///< of one reply, nested ones included
    /// A bulk from this size on is not for the parser.
    std::size_t large_bytes = transport::ArrivingValue::usual_large_bytes;
};

/// Follows the framing of a RESP2 stream ahead of the parser, so that the parser sees only what is within the caps:
/// it holds a header back until it is whole and judged, and puts an error line in the place of a bulk that is too
/// large, whose bytes are then skipped as they come. A large bulk within the caps it sets aside: the parser gets an
/// empty one, since it would copy it twice. Keeps no more than one line.
/// Thread safety: none.
class ReplyGuard {
public:
    explicit ReplyGuard(const ReplyLimits& limits) : limits_(limits) {}

    struct Step {
        std::size_t consumed = 0;    ///< of the input
        BytesView forward;           ///< for the parser; valid until the next step, or as long as the input
        bool reply_complete = false; ///< with `forward` the parser has one more reply
        bool value_begins = false;   ///< a large one, of value_left() bytes
        BytesView value;             ///< its next bytes
        bool value_complete = false; ///< `forward` has an empty bulk in its place
    };

    /// Takes a part of `input`, which is not empty: up to the end of one item, or all of it.
    /// Errors: protocol_error; the stream is then of no further use.
    Result<Step> advance(BytesView input);

    /// How many bytes of a large value are still to come; 0 while there is none.
    std::size_t value_left() const noexcept { return is_large_ && payload_left_ > 2 ? payload_left_ - 2 : 0; }
    /// They came, up to value_left(), and went to their place by another way.
    void pass_value(std::size_t bytes) noexcept { payload_left_ -= bytes; }
    /// Which item of the stream the current one is, counted from 1 in the order of their first bytes.
    std::uint64_t item() const noexcept { return item_; }

private:
    Result<Step> advance_payload(BytesView input);
    Result<void> on_line(std::string_view line, Step& step);
    Result<void> on_bulk_header(long long length, Step& step);
    Result<void> on_array_header(long long length, Step& step);
    void end_item(Step& step) noexcept;

    static constexpr std::size_t max_depth = 7; // hiredis stops at its own limit of 8 and 9, by version

    const ReplyLimits limits_;
    std::string line_;             // the part of a line that earlier input held; empty while in a payload
    bool line_forwarded_ = false;  // line_ was handed out by the last step
    std::size_t payload_left_ = 0; // of the current bulk, its CR LF included
    bool skipping_ = false;        // the current bulk is not forwarded
    bool is_large_ = false;        // the current bulk is not for the parser
    std::uint64_t item_ = 0;
    std::array<std::size_t, max_depth> open_{}; // elements still to come, outermost array first
    std::size_t depth_ = 0;
    std::size_t reply_bytes_ = 0;
    std::size_t reply_elements_ = 0;
    std::string substitute_;
};

} // namespace tiercel::redis
