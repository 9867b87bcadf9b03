#pragma once

#include "transport/reply.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tiercel::transport {

/// A protocol as one session speaks it: what is said first, and bytes to replies. No I/O. Requests are formatted by who
/// makes the calls.
/// Thread safety: none.
class Codec {
public:
    virtual ~Codec() = default;

    /// What is said on a new connection before anybody's call, to be sent at once: a log-in where there is one, and
    /// something to answer in any case, so that a peer that accepts and does not answer is found out here.
    virtual BytesView greeting() const noexcept = 0;
    /// Judges the next reply to it.
    /// Errors: why the connection is of no use.
    virtual Result<void> on_greeting_reply(const Reply& reply) = 0;
    /// Nothing more is to come; what comes now is the calls'.
    virtual bool is_greeted() const noexcept = 0;

    /// Takes any part of the stream and appends the replies that it completes.
    /// Errors: protocol_error; the stream is then of no further use, the replies appended before it are good.
    virtual Result<void> feed(BytesView bytes, std::vector<Reply>& replies) = 0;

    /// Where the next bytes of the stream are to be received, within a large value, whose bytes only the kernel copies
    /// then. Empty: they are for feed. Valid until the next call.
    /// Throws std::bad_alloc.
    virtual std::span<char> room() = 0;
    /// So many of them were. They complete no reply.
    virtual void filled(std::size_t bytes) noexcept = 0;
};

/// Makes the codecs of the connections to one server.
/// Thread safety: all members may be called concurrently.
class Protocol {
public:
    virtual ~Protocol() = default;

    /// Begins the server's label in messages: "redis".
    virtual std::string_view name() const noexcept = 0;
    virtual std::unique_ptr<Codec> make_codec() const = 0;
    /// How a user asks for TLS and for plain text, as advice in a message: "write rediss://".
    virtual std::string_view advice_for_tls() const noexcept = 0;
    virtual std::string_view advice_for_plain_text() const noexcept = 0;
};

} // namespace tiercel::transport
