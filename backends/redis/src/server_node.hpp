#pragma once

#include "resp.hpp"
#include "transport/connections.hpp"
#include "url.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/runtime.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace tiercel::redis {

/// One server of several that are known from others. Its connections close when nobody has it any more: it has left,
/// and no call is under way.
struct ServerNode {
    ServerNode(spi::Runtime& runtime, const Address& where, const Options& options)
        : address(where), label(where.label()), connections(connections_to(where, runtime, options)) {}
    ~ServerNode() { connections.close(); }
    ServerNode(const ServerNode&) = delete;
    ServerNode& operator=(const ServerNode&) = delete;

    const Address address;
    const std::string label;
    transport::Connections connections;
    /// Has not answered since its last failure: others are asked first.
    std::atomic<bool> suspect{false};
};

using NodePtr = std::shared_ptr<ServerNode>;

} // namespace tiercel::redis
