#pragma once

#include "pool.hpp"

#include <tiercel/spi/backend.hpp>

#include <memory>
#include <vector>

namespace tiercel::memcached {

/// The operations of the SPI over a pool that speaks the meta protocol.
/// Lifetime: may go while calls are under way; these share what they need, and end with Errc::closed.
class MetaBackend final : public spi::Backend {
public:
    MetaBackend(std::shared_ptr<Pool> pool, std::size_t max_value_bytes)
        : pool_(std::move(pool)), max_value_bytes_(max_value_bytes) {}
    ~MetaBackend() override { MetaBackend::close(); }

    std::string_view name() const noexcept override { return "memcached"; }
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
    void close() noexcept override { pool_->close(); }

private:
    const std::shared_ptr<Pool> pool_;
    const std::size_t max_value_bytes_;
};

} // namespace tiercel::memcached
