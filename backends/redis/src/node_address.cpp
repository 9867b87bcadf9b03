#include "node_address.hpp"

#include "whole_number.hpp"
#include <algorithm>

namespace tiercel::redis {

namespace {

constexpr std::size_t max_host_bytes = 255;

bool may_be_host(std::string_view host) {
    return host.size() <= max_host_bytes && host != "?" &&
           std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 0x7f && c != '@'; });
}

} // namespace

std::string NodeAddress::text() const {
    return host + ":" + std::to_string(port);
}

std::optional<NodeAddress> make_node_address(std::string_view host, long long port) {
    if (port < 1 || port > UINT16_MAX || !may_be_host(host)) return std::nullopt;
    return NodeAddress{std::string(host), static_cast<std::uint16_t>(port)};
}

std::optional<NodeAddress> parse_node_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = whole_number<long long>(text.substr(colon + 1));
    if (!port) return std::nullopt;
    return make_node_address(text.substr(0, colon), *port);
}

} // namespace tiercel::redis
