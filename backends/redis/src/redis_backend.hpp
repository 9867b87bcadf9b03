#pragma once

#include "connection.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/runtime.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tiercel::redis {

/// The commands behind each operation, and what their replies mean.
/// Lifetime: may go while calls are under way; these share what they need, and end with Errc::closed.
class RedisBackend final : public spi::Backend {
public:
    /// The options have been judged.
    RedisBackend(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options);
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

    /// What calls share with the backend, and keep until they are over. The connections live on the runtime's event
    /// loop and do not keep it: nobody holds one of them but through this, or on that loop.
    struct Server {
        std::shared_ptr<spi::Runtime> runtime; // the last to go
        std::string label;
        std::size_t max_value_bytes = 0;
        std::size_t batch_bytes = 0; ///< of the parts in which a batch of writes goes out
        std::vector<std::shared_ptr<Connection>> connections;
        std::atomic<std::size_t> next{0};

        spi::Version new_version() noexcept { return spi::Version(runtime->random()); }
    };

private:
    const std::shared_ptr<Server> server_;
};

/// A glob of SCAN that matches what begins with `prefix`.
Bytes glob_of_prefix(BytesView prefix);

} // namespace tiercel::redis
