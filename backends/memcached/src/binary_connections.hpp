#pragma once

#include "binary_connection.hpp"

#include <tiercel/memcached.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tiercel::memcached {

/// Whether a server that could not be reached may be tried again. Open until a failure; then closed, but for one
/// caller after each interval, until a success.
/// Thread safety: none.
class RetryGate {
public:
    explicit RetryGate(std::chrono::milliseconds interval) : interval_(interval) {}

    /// True for who may try; it then tells failed() or succeeded(), or nothing if its try proved neither.
    bool enter(SteadyTime now) noexcept {
        if (!closed_until_) return true;
        if (now < *closed_until_) return false;
        closed_until_ = now + interval_; // the others wait for this caller's outcome
        return true;
    }
    void failed(SteadyTime now) noexcept { closed_until_ = now + interval_; }
    void succeeded() noexcept { closed_until_.reset(); }

private:
    std::chrono::milliseconds interval_;
    std::optional<SteadyTime> closed_until_;
};

/// The connections to one server: as many as there are users at once, kept for the next ones.
/// Thread safety: all members may be called concurrently.
class BinaryConnections {
public:
    /// A connection while somebody uses it. Goes back when let go of, unless it is no longer usable.
    class Lease {
    public:
        Lease(BinaryConnections& home, std::unique_ptr<BinaryConnection> connection, bool reused)
            : home_(&home), connection_(std::move(connection)), reused_(reused) {}
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (connection_) home_->give_back(std::move(connection_));
        }
        BinaryConnection& operator*() const noexcept { return *connection_; }
        BinaryConnection* operator->() const noexcept { return connection_.get(); }
        /// It was idle before: the server may have closed it since.
        bool reused() const noexcept { return reused_; }

    private:
        BinaryConnections* home_;
        std::unique_ptr<BinaryConnection> connection_;
        bool reused_;
    };

    BinaryConnections(Server server, const SaslOptions& options)
        : server_(std::move(server)), options_(options), gate_(options.retry_interval) {}

    /// An idle connection, or a new one. Errors: connection_failed at once while the server is left alone after a
    /// failure.
    Result<Lease> borrow(SteadyTime deadline);
    /// Closes the idle connections: one of them was found broken, so the others are likely to be.
    void drop_idle() noexcept;

private:
    void give_back(std::unique_ptr<BinaryConnection> connection) noexcept;

    const Server server_;
    const SaslOptions options_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<BinaryConnection>> idle_; // the last used at the back
    RetryGate gate_;
    std::chrono::steady_clock::duration waited_in_vain_{}; // by impatient callers since the last success or failure
    std::string last_failure_;
};

} // namespace tiercel::memcached
