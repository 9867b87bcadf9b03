#include "redirection.hpp"

#include <charconv>
#include <utility>

namespace tiercel::redis {

Result<std::optional<Redirection>> parse_redirection(std::string_view error_reply) {
    constexpr std::string_view moved = "MOVED ";
    constexpr std::string_view ask = "ASK ";
    Redirection redirection;
    if (error_reply.starts_with(moved)) {
        redirection.kind = Redirection::Kind::moved;
        error_reply.remove_prefix(moved.size());
    } else if (error_reply.starts_with(ask)) {
        redirection.kind = Redirection::Kind::ask;
        error_reply.remove_prefix(ask.size());
    } else {
        return std::optional<Redirection>();
    }
    const Error bad(Errc::protocol_error, "a redirection that names no slot or no node; set cluster-announce-ip or "
                                          "cluster-announce-hostname on the nodes");
    const auto [end, error] =
        std::from_chars(error_reply.data(), error_reply.data() + error_reply.size(), redirection.slot);
    if (error != std::errc() || redirection.slot >= slot_count) return bad;
    error_reply.remove_prefix(static_cast<std::size_t>(end - error_reply.data()));
    if (!error_reply.starts_with(' ')) return bad;
    error_reply.remove_prefix(1);
    auto to = parse_node_address(error_reply.substr(0, error_reply.find(' ')));
    if (!to) return bad;
    redirection.to = std::move(*to);
    return std::optional<Redirection>(std::move(redirection));
}

} // namespace tiercel::redis
