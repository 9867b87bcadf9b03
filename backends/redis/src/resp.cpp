#include "resp.hpp"

#include "handshake.hpp"
#include "reply_reader.hpp"

#include <utility>

namespace tiercel::redis {

namespace {

class RespCodec final : public transport::Codec {
public:
    RespCodec(const Address& address, const std::string& client_name, const ReplyLimits& limits, SessionCount sessions)
        : handshake_(address, client_name), reader_(limits), sessions_(std::move(sessions)) {}

    BytesView greeting() const noexcept override { return handshake_.request(); }
    Result<void> on_greeting_reply(const Reply& reply) override {
        auto judged = handshake_.on_reply(reply);
        if (judged && sessions_ && handshake_.is_complete()) sessions_->fetch_add(1, std::memory_order_relaxed);
        return judged;
    }
    bool is_greeted() const noexcept override { return handshake_.is_complete(); }
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies) override { return reader_.feed(bytes, replies); }

private:
    Handshake handshake_;
    ReplyReader reader_;
    const SessionCount sessions_;
};

} // namespace

Resp::Resp(Address address, const Options& options, SessionCount sessions)
    : address_(std::move(address)),
      client_name_(options.client_name),
      max_reply_bytes_(options.max_reply_bytes + (std::size_t{64} << 10)), // and the headers
      sessions_(std::move(sessions)) {}

std::unique_ptr<transport::Codec> Resp::make_codec() const {
    return std::make_unique<RespCodec>(address_, client_name_, ReplyLimits{.max_reply_bytes = max_reply_bytes_},
                                       sessions_);
}

transport::ConnectionLimits limits_of(const Options& options) {
    return {.connect_timeout = options.connect_timeout,
            .max_silence = options.max_silence,
            .reconnect_delay_min = options.reconnect_delay_min,
            .reconnect_delay_max = options.reconnect_delay_max,
            .max_pending_calls = options.max_pending_calls,
            .max_pending_bytes = options.max_pending_bytes,
            .connections = options.connections,
            .blocking_connections = options.blocking_connections};
}

transport::Connections connections_to(const Address& address, spi::Runtime& runtime, const Options& options,
                                      SessionCount sessions) {
    return {runtime, address, std::make_shared<Resp>(address, options, std::move(sessions)), limits_of(options)};
}

} // namespace tiercel::redis
