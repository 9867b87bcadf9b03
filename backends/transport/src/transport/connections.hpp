#pragma once

#include "transport/connection.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace tiercel::transport {

/// The connections to one server, taken in turn.
/// Thread safety: all members may be called concurrently.
/// Lifetime: the connections live on the runtime's event loop and do not keep it.
class Connections {
public:
    /// The limits have been judged.
    Connections(spi::Runtime& runtime, const Endpoint& to, const std::shared_ptr<const Protocol>& protocol,
                const ConnectionLimits& limits) {
        for (std::size_t i = 0; i < limits.connections; ++i)
            all_.push_back(std::make_shared<Connection>(runtime, to, protocol, limits));
    }

    const std::shared_ptr<Connection>& next() noexcept {
        return all_[turn_.fetch_add(1, std::memory_order_relaxed) % all_.size()];
    }

    void close() const noexcept {
        for (const auto& connection : all_)
            connection->close();
    }

private:
    std::vector<std::shared_ptr<Connection>> all_;
    std::atomic<std::size_t> turn_{0};
};

} // namespace tiercel::transport
