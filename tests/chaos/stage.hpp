#pragma once

#include "fault_deck.hpp"
#include "settings.hpp"

#include "support/fault_proxy.hpp"
#include "support/memcached_server.hpp"
#include "support/redis_server.hpp"

#include <cstdint>
#include <optional>

namespace tiercel::chaos {

/// The server of a run and the proxy before it, and what is done to them.
/// Thread safety: none; the server dies with the thread that made this.
/// Errors: std::runtime_error, of a server that does not start or does not do what it is told.
class Stage {
public:
    explicit Stage(ServerKind kind);

    std::uint16_t server_port() const { return server().port(); }
    std::uint16_t proxy_port() const { return proxy_->port(); }

    /// All but client_killed.
    void begin(const Fault& fault);
    void end(const Fault& fault);

    std::size_t corrupted_bits() const { return proxy_->corrupted(); }

private:
    tiercel::test::Server& server();
    const tiercel::test::Server& server() const;
    void begin_on_the_way(const Fault& fault);
    void begin_at_redis(const Fault& fault);
    void begin_at_memcached(const Fault& fault);
    void flush();
    void tell(const std::string& command, const std::string& expected) const;

    std::optional<tiercel::test::RedisServer> redis_;
    std::optional<tiercel::test::MemcachedServer> memcached_;
    std::optional<tiercel::test::FaultProxy> proxy_;
};

} // namespace tiercel::chaos
