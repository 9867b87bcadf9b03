#pragma once

#include "liveness.hpp"
#include "transport/connections.hpp"

#include <tiercel/memcached.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/runtime.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

namespace tiercel::memcached {

/// One server of a pool: its connections and, where a gutter stands behind it, whether it is alive.
/// Thread safety: all members may be called concurrently.
/// Lifetime: like its connections, lives on the event loop and does not keep it.
class PoolServer : public std::enable_shared_from_this<PoolServer> {
public:
    /// `dead_after`: as in Gutter; empty for a server that is never taken for dead.
    PoolServer(spi::Runtime& runtime, const transport::Endpoint& endpoint, const transport::ConnectionLimits& limits,
               std::size_t max_value_bytes, std::optional<std::chrono::milliseconds> dead_after);
    ~PoolServer() { connections.close(); }
    PoolServer(const PoolServer&) = delete;
    PoolServer& operator=(const PoolServer&) = delete;

    const std::string label;
    transport::Connections connections;

    /// Why its keys are the gutter's; empty while it is alive. Sends a probe when one is due.
    std::optional<Error> why_dead(SteadyTime now);
    /// What came of a call: answered without an error.
    void note(const std::optional<Error>& error, SteadyTime now);

private:
    class Probe;
    void on_probe(bool answered);

    const std::chrono::milliseconds probe_timeout_;
    std::mutex mutex_; // guards the rest
    std::optional<Liveness> liveness_;
    std::mt19937_64 random_;
    std::string last_failure_;
};

using PoolServerPtr = std::shared_ptr<PoolServer>;

} // namespace tiercel::memcached
