#pragma once

#include "node_address.hpp"
#include "transport/reply.hpp"

#include <tiercel/result.hpp>

#include <cstdint>
#include <string_view>

namespace tiercel::redis {

using transport::Reply;

/// Where a sentinel says that the master is.
struct SentinelAnswer {
    NodeAddress master;
    /// Of the configuration that the sentinel knows, SENTINEL MASTER's config-epoch: each fail-over has a higher one.
    std::uint64_t epoch = 0;
};

/// Reads the replies to SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINEL MASTER.
/// Errors: invalid_option if the sentinel knows no master of that name; protocol_error for what is no such reply, or
/// names no host or port that can be; as of to_error for an error reply.
Result<SentinelAnswer> parse_sentinel_answer(const Reply& address, const Reply& details, std::string_view sentinel);

/// Reads the reply to ROLE.
/// Errors: read_only if the server is something else than a master; protocol_error; as of to_error.
Result<void> parse_master_role(const Reply& reply, std::string_view server);

/// What comes on a connection that has subscribed to +switch-master.
enum class SentinelNews : unsigned char {
    subscribed,
    pong,
    switched, ///< another node became the master
    other,    ///< of another master
};

/// Errors: protocol_error; as of to_error.
Result<SentinelNews> parse_sentinel_news(const Reply& reply, std::string_view master_name, std::string_view sentinel);

} // namespace tiercel::redis
