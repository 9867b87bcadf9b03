#include "binary_connections.hpp"

namespace tiercel::memcached {

Result<BinaryConnections::Lease> BinaryConnections::borrow(SteadyTime deadline) {
    const auto started = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return Lease(*this, std::move(connection), true);
        }
        if (!gate_.enter(started)) {
            return Error(Errc::connection_failed, last_failure_ + " (tried again at most every " +
                                                      std::to_string(options_.retry_interval.count()) + " ms)");
        }
    }
    auto opened = BinaryConnection::open(server_, options_, deadline);
    const std::lock_guard lock(mutex_);
    if (opened) {
        gate_.succeeded();
        waited_in_vain_ = {};
        return Lease(*this, std::move(*opened), false);
    }
    // A deadline shorter than connect_timeout says more about the caller than about the server: but all such callers
    // together have waited for long enough at some point, or they would keep every thread waiting for a hung server.
    const auto now = std::chrono::steady_clock::now();
    if (opened.error() == Errc::timeout && deadline - started < options_.connect_timeout) {
        waited_in_vain_ += now - started;
    } else {
        waited_in_vain_ = options_.connect_timeout;
    }
    if (waited_in_vain_ >= options_.connect_timeout) {
        waited_in_vain_ = {};
        gate_.failed(now);
        last_failure_ = opened.error().message();
    }
    return opened.error();
}

void BinaryConnections::drop_idle() noexcept {
    std::vector<std::unique_ptr<BinaryConnection>> dropped; // closed after the lock
    const std::lock_guard lock(mutex_);
    dropped.swap(idle_);
}

void BinaryConnections::give_back(std::unique_ptr<BinaryConnection> connection) noexcept {
    if (!connection->usable()) return;
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
}

} // namespace tiercel::memcached
