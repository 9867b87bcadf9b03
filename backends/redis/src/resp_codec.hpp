#pragma once

#include "handshake.hpp"
#include "reply_reader.hpp"
#include "transport/codec.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace tiercel::redis {

/// How many sessions there have been with a server, each counted before the first reply that comes over it. A server
/// that was restarted cannot be heard without one more. Relaxed is enough: who has a reply has seen its session
/// counted.
using SessionCount = std::shared_ptr<std::atomic<std::uint64_t>>;

/// RESP2, as one session speaks it.
class RespCodec final : public transport::Codec {
public:
    /// `sessions` may be null.
    RespCodec(const Address& address, const std::string& client_name, const ReplyLimits& limits,
              SessionCount sessions = nullptr)
        : handshake_(address, client_name), reader_(limits), sessions_(std::move(sessions)) {}

    BytesView greeting() const noexcept override { return handshake_.request(); }
    Result<void> on_greeting_reply(const Reply& reply) override {
        auto judged = handshake_.on_reply(reply);
        if (judged && sessions_ && handshake_.is_complete()) sessions_->fetch_add(1, std::memory_order_relaxed);
        return judged;
    }
    bool is_greeted() const noexcept override { return handshake_.is_complete(); }
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies) override { return reader_.feed(bytes, replies); }
    std::span<char> room() override { return reader_.room(); }
    void filled(std::size_t bytes) noexcept override { reader_.filled(bytes); }

private:
    Handshake handshake_;
    ReplyReader reader_;
    const SessionCount sessions_;
};

} // namespace tiercel::redis
