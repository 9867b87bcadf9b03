#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace tiercel::redis {

/// How the nodes of a cluster name each other.
struct NodeAddress {
    std::string host;
    std::uint16_t port = 0;

    /// "host:port", as MOVED and ASK have it: an IPv6 address without brackets.
    std::string text() const;

    friend bool operator==(const NodeAddress&, const NodeAddress&) = default;
    friend bool operator<(const NodeAddress& a, const NodeAddress& b) noexcept {
        return std::tie(a.host, a.port) < std::tie(b.host, b.port);
    }
};

/// Reads "host:port". The host may be empty, which stands for the node that said so.
/// Empty for what is no address, or names a node that has no host ("?").
std::optional<NodeAddress> parse_node_address(std::string_view text);

/// The same for the parts.
std::optional<NodeAddress> make_node_address(std::string_view host, long long port);

} // namespace tiercel::redis
