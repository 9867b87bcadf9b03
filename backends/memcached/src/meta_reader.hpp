#pragma once

#include "transport/arriving_value.hpp"
#include "transport/reply.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::memcached {

using transport::Reply;

/// Begins the error line that stands in for a value that is over the limit.
inline constexpr std::string_view too_large_prefix = "TIERCEL_TOO_LARGE";

/// Bytes of a meta protocol's stream to replies:
///
///     VA <size> <flags>, then the value   bulk
///     HD                                  status "HD"
///     EN, NF                              nil: there is no such item
///     NS, EX                              status: not stored, as there is one, or another one
///     MN                                  status: the answer to mn
///     ERROR, CLIENT_ERROR, SERVER_ERROR   error, the whole line
///
/// with the flags c (integer), t, f, O (tag), W, X and Z. A value over the limit is read past, and an error of the same
/// tag. Keeps one line, and the value that is coming.
/// Thread safety: none.
class MetaReader {
public:
    /// A value of `large_bytes` or more is read into room().
    explicit MetaReader(std::size_t max_value_bytes,
                        std::size_t large_bytes = transport::ArrivingValue::usual_large_bytes)
        : max_value_bytes_(max_value_bytes), value_(large_bytes) {}

    /// Takes any part of the stream and appends the replies that it completes.
    /// Errors: protocol_error; the stream is then of no further use, the replies appended before it are good.
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies);

    /// As of transport::Codec.
    std::span<char> room();
    void filled(std::size_t bytes) noexcept;

    /// Longer than any line of a server's: a size and some numbers, or an error.
    static constexpr std::size_t max_line_bytes = 2048;
    /// No server has larger items: what announces one is no memcached.
    static constexpr std::size_t max_announced_bytes = std::size_t{1} << 30;

private:
    enum class Expecting : unsigned char { line, value, end_of_value };

    Result<void> on_line(std::string_view line, std::vector<Reply>& replies);
    Result<void> on_value_line(std::string_view rest);
    Result<void> read_flags(std::string_view rest);
    void complete(std::vector<Reply>& replies);

    const std::size_t max_value_bytes_;
    Expecting expecting_ = Expecting::line;
    std::string line_;      // what earlier input held of a line
    Reply reply_;           // the one that is coming
    std::size_t left_ = 0;  // of the value, or of the CR LF behind it
    bool skipping_ = false; // the value is too large
    bool is_large_ = false; // the value goes to value_
    transport::ArrivingValue value_;
};

} // namespace tiercel::memcached
