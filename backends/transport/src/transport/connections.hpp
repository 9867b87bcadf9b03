#pragma once

#include "transport/connection.hpp"
#include "transport/driven_connection.hpp"

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

namespace tiercel::transport {

/// The connections to one server: those that the event loop drives, taken in turn, and the one that blocked callers
/// drive. Thread safety: all members may be called concurrently. Lifetime: the connections live on the runtime's event
/// loop and do not keep it.
class Connections {
public:
    /// The limits have been judged.
    Connections(spi::Runtime& runtime, const Endpoint& to, const std::shared_ptr<const Protocol>& protocol,
                const ConnectionLimits& limits) {
        for (std::size_t i = 0; i < limits.connections; ++i)
            all_.push_back(std::make_shared<Connection>(runtime, to, protocol, limits));
        for (std::size_t i = 0; i < limits.blocking_connections && !to.tls; ++i)
            driven_.push_back(std::make_shared<DrivenConnection>(runtime, to, protocol, limits));
    }

    const std::shared_ptr<Connection>& next() noexcept {
        return all_[turn_.fetch_add(1, std::memory_order_relaxed) % all_.size()];
    }

    /// For a caller that blocks: the connection with the fewest calls, the first of those, so that a caller alone keeps
    /// to one. Null if there are none, as over TLS: such a caller uses the others.
    const std::shared_ptr<DrivenConnection>* driven() const noexcept {
        const std::shared_ptr<DrivenConnection>* best = nullptr;
        std::size_t fewest = std::numeric_limits<std::size_t>::max();
        for (const auto& one : driven_) {
            const auto calls = one->calls();
            if (calls >= fewest) continue;
            best = &one;
            fewest = calls;
            if (calls == 0) break;
        }
        return best;
    }

    void close() const noexcept {
        for (const auto& connection : all_)
            connection->close();
        for (const auto& one : driven_)
            one->close();
    }

private:
    std::vector<std::shared_ptr<Connection>> all_;
    std::vector<std::shared_ptr<DrivenConnection>> driven_;
    std::atomic<std::size_t> turn_{0};
};

} // namespace tiercel::transport
