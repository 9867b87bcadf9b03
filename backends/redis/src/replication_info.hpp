#pragma once

#include "node_address.hpp"
#include "transport/reply.hpp"

#include <tiercel/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::redis {

using transport::Reply;

/// A place in the history of a master's writes: of two with the same id, the one of the higher offset holds all that
/// the other holds.
struct ReplicationPlace {
    std::string history; ///< master_replid; a master begins a new one when it is made one, a replica has its master's
    std::uint64_t offset = 0;
};

/// What a server says of its replication.
struct ReplicationInfo {
    bool is_master = false;
    /// Of a replica: what it holds; counts only if it is in sync.
    ReplicationPlace place;
    /// Of a replica: its link to its master is up, and what it was given to begin with is loaded.
    bool in_sync = false;
    /// Of a master: its replicas that are connected and in sync, the first max_replicas of them.
    std::vector<NodeAddress> replicas;

    /// Of one master; what a peer can make us keep connections to.
    static constexpr std::size_t max_replicas = 16;
    /// Of a reply: a few hundred bytes and a line for each replica in fact.
    static constexpr std::size_t max_bytes = std::size_t{64} << 10;

    /// Reads the reply to INFO replication. Fields that are not known are passed over.
    /// Errors: protocol_error for what is no such reply, says a field twice, or lacks one that counts; as of to_error
    /// for an error reply.
    static Result<ReplicationInfo> parse(const Reply& reply, std::string_view server);
};

} // namespace tiercel::redis
