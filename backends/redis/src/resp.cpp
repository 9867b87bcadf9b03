#include "resp.hpp"

#include "resp_codec.hpp"

#include <utility>

namespace tiercel::redis {

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
