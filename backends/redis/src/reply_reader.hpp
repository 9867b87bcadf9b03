#pragma once

#include "reply_guard.hpp"
#include "transport/reply.hpp"

#include <cstddef>
#include <memory>
#include <vector>

struct redisReader;

namespace tiercel::redis {

using transport::Reply;

/// Bytes of a RESP2 stream to replies: hiredis' parser behind a ReplyGuard.
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

private:
    struct Callbacks;
    struct FreeReader {
        void operator()(redisReader* reader) const noexcept;
    };

    void renew_parser();
    Result<void> parse(BytesView span, std::size_t complete, std::vector<Reply>& replies);

    ReplyGuard guard_;
    Reply root_; // being built by the callbacks
    std::unique_ptr<redisReader, FreeReader> reader_;
    std::size_t fed_bytes_ = 0; // to reader_, since it was last empty
};

} // namespace tiercel::redis
