#pragma once

#include "node_address.hpp"
#include "slot.hpp"

#include <tiercel/result.hpp>

#include <optional>
#include <string_view>

namespace tiercel::redis {

/// "MOVED 3999 127.0.0.1:6381": the slot belongs to that node. "ASK …": the slot is on its way there, and this key of
/// it has gone ahead, or is nowhere.
struct Redirection {
    enum class Kind : unsigned char { moved, ask };

    Kind kind = Kind::moved;
    Slot slot = 0;
    NodeAddress to; ///< an empty host is that of the node that was asked
};

/// Empty for an error reply that is no redirection.
/// Errors: protocol_error for one that names no slot or no node.
Result<std::optional<Redirection>> parse_redirection(std::string_view error_reply);

} // namespace tiercel::redis
