#pragma once

#include "connection.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace tiercel::redis {

/// The connections to one server, taken in turn.
/// Thread safety: all members may be called concurrently.
/// Lifetime: the connections live on the runtime's event loop and do not keep it.
class Connections {
public:
    Connections(spi::Runtime& runtime, const Address& address, const Options& options) {
        for (std::size_t i = 0; i < options.connections; ++i)
            all_.push_back(std::make_shared<Connection>(runtime, address, options));
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

} // namespace tiercel::redis
