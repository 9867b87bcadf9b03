#pragma once

#include "exchange.hpp"
#include "recent_writes.hpp"

#include <tiercel/spi/backend.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tiercel::redis {

/// The commands behind each operation, and what their replies mean, wherever they go.
/// Lifetime: may go while calls are under way; these share what they need, and end with Errc::closed.
class RedisBackend final : public spi::Backend {
public:
    /// `recent` is null if replicas are not read.
    explicit RedisBackend(std::shared_ptr<Exchange> exchange, std::shared_ptr<RecentWrites> recent = nullptr);
    ~RedisBackend() override;

    std::string_view name() const noexcept override { return "redis"; }
    spi::Capabilities capabilities() const noexcept override;

    boost::asio::awaitable<std::vector<spi::Lookup>> get_many(std::span<const BytesView> keys,
                                                              spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<void>>> put_many(std::span<const spi::PutItem> items,
                                                               spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys,
                                                                 spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<bool>>>
    touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl, spi::CallContext call) override;
    boost::asio::awaitable<Result<spi::Conditional>> put_if_absent(spi::PutItem item, spi::CallContext call) override;
    boost::asio::awaitable<Result<spi::Conditional>> put_if_version(spi::PutItem item, spi::Version expected,
                                                                    spi::CallContext call) override;
    boost::asio::awaitable<Result<void>> ping(spi::CallContext call) override;
    boost::asio::awaitable<Result<spi::ScanPage>> scan(BytesView prefix, std::string cursor,
                                                       spi::CallContext call) override;
    void close() noexcept override;

private:
    const std::shared_ptr<Exchange> exchange_;
    const std::shared_ptr<RecentWrites> recent_;
};

/// A glob of SCAN that matches what begins with `prefix`.
Bytes glob_of_prefix(BytesView prefix);

} // namespace tiercel::redis
