#pragma once

#include "resp_codec.hpp"
#include "transport/codec.hpp"
#include "transport/connections.hpp"
#include "url.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/runtime.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tiercel::redis {

/// RESP2, as one server is to be spoken to.
class Resp final : public transport::Protocol {
public:
    /// `sessions` may be null: nobody wants to know.
    Resp(Address address, const Options& options, SessionCount sessions = nullptr);

    std::string_view name() const noexcept override { return "redis"; }
    std::unique_ptr<transport::Codec> make_codec() const override;
    std::string_view advice_for_tls() const noexcept override { return "write rediss://"; }
    std::string_view advice_for_plain_text() const noexcept override { return "write redis://"; }

private:
    const Address address_;
    const std::string client_name_;
    const std::size_t max_reply_bytes_;
    const SessionCount sessions_;
};

transport::ConnectionLimits limits_of(const Options& options);

/// The options have been judged.
transport::Connections connections_to(const Address& address, spi::Runtime& runtime, const Options& options,
                                      SessionCount sessions = nullptr);

} // namespace tiercel::redis
