#include "pool_server.hpp"

#include "meta_protocol.hpp"
#include "transport/call.hpp"

#include <utility>

namespace tiercel::memcached {

namespace {

/// The call says nothing of the server.
bool is_callers_own(const Error& error) {
    return error == Errc::closed || error == Errc::overloaded || error == Errc::cancelled;
}

} // namespace

/// Asks a dead server for a sign of life. Owns nothing of it, so that one left behind by an event loop that ends keeps
/// nothing alive.
class PoolServer::Probe final : public transport::Call {
public:
    Probe(std::weak_ptr<PoolServer> server, SteadyTime latest)
        : Call(Bytes("mn\r\n"), 1, latest), server_(std::move(server)) {}

private:
    void done() noexcept override {
        if (const auto server = server_.lock()) server->on_probe(!error);
    }

    const std::weak_ptr<PoolServer> server_;
};

PoolServer::PoolServer(spi::Runtime& runtime, const transport::Endpoint& endpoint,
                       const transport::ConnectionLimits& limits, std::size_t max_value_bytes,
                       std::optional<std::chrono::milliseconds> dead_after)
    : label(endpoint.label("memcached")),
      connections(runtime, endpoint, std::make_shared<MetaProtocol>(label, max_value_bytes), limits),
      probe_timeout_(limits.connect_timeout),
      random_(runtime.random()) {
    if (dead_after) liveness_.emplace(*dead_after, limits.reconnect_delay_min, limits.reconnect_delay_max);
}

std::optional<Error> PoolServer::why_dead(SteadyTime now) {
    std::optional<Error> why;
    bool probe = false;
    {
        const std::lock_guard lock(mutex_);
        if (!liveness_ || !liveness_->is_dead()) return std::nullopt;
        probe = liveness_->may_probe(now);
        why.emplace(Errc::connection_failed,
                    last_failure_ + "; what can be is with the gutter until the server answers again");
    }
    if (probe) connections.next()->submit(transport::CallPtr(new Probe(weak_from_this(), now + probe_timeout_)));
    return why;
}

void PoolServer::note(const std::optional<Error>& error, SteadyTime now) {
    if (!liveness_ || (error && is_callers_own(*error))) return;
    const std::lock_guard lock(mutex_);
    if (!error) {
        liveness_->answered();
        return;
    }
    if (!liveness_->is_dead()) last_failure_ = error->message();
    liveness_->failed(error->code(), now, random_());
}

void PoolServer::on_probe(bool answered) {
    const std::lock_guard lock(mutex_);
    liveness_->probed(answered, SteadyTime::clock::now(), random_());
}

} // namespace tiercel::memcached
