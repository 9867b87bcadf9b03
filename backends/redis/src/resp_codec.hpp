#pragma once

#include "handshake.hpp"
#include "reply_reader.hpp"
#include "transport/codec.hpp"

#include <string>

namespace tiercel::redis {

/// RESP2, as one session speaks it.
class RespCodec final : public transport::Codec {
public:
    RespCodec(const Address& address, const std::string& client_name, const ReplyLimits& limits)
        : handshake_(address, client_name), reader_(limits) {}

    BytesView greeting() const noexcept override { return handshake_.request(); }
    Result<void> on_greeting_reply(const Reply& reply) override { return handshake_.on_reply(reply); }
    bool is_greeted() const noexcept override { return handshake_.is_complete(); }
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies) override { return reader_.feed(bytes, replies); }
    std::span<char> room() override { return reader_.room(); }
    void filled(std::size_t bytes) noexcept override { reader_.filled(bytes); }

private:
    Handshake handshake_;
    ReplyReader reader_;
};

} // namespace tiercel::redis
