#pragma once

#include "reply_guard.hpp"
#include "transport/arriving_value.hpp"
#include "transport/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

struct redisReader;

namespace tiercel::redis {

using transport::Reply;

/// Bytes of a RESP2 stream to replies: hiredis' parser behind a ReplyGuard. Large values go by another way and are put
/// into their replies as the parser comes to them.
/// Thread safety: none.
class ReplyReader {
public:
    explicit ReplyReader(const ReplyLimits& limits);
    ~ReplyReader();
    ReplyReader(const ReplyReader&) = delete;
    ReplyReader& operator=(const ReplyReader&) = delete;

    /// Takes any part of the stream and appends the replies that it completes.
    /// Errors: protocol_error; the stream is then of no further use, the replies appended before it are good.
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies);

    /// As of transport::Codec.
    std::span<char> room();
    void filled(std::size_t bytes) noexcept;

private:
    struct Callbacks;
    struct FreeReader {
        void operator()(redisReader* reader) const noexcept;
    };

    void renew_parser();
    Result<void> parse(BytesView span, std::size_t complete, std::vector<Reply>& replies);
    void take_value(const ReplyGuard::Step& step);

    /// A value that the parser did not get, and which item of the stream it is.
    struct Aside {
        std::uint64_t item;
        Bytes value;
    };

    ReplyGuard guard_;
    transport::ArrivingValue arriving_;
    std::deque<Aside> aside_;  // in the order of the stream
    std::uint64_t parsed_ = 0; // items
    Reply root_;               // being built by the callbacks
    std::unique_ptr<redisReader, FreeReader> reader_;
    std::size_t parser_bytes_ = 0; // what reader_'s buffer may have grown to
};

} // namespace tiercel::redis
