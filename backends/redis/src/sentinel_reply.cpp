#include "sentinel_reply.hpp"

#include "error_reply.hpp"
#include "whole_number.hpp"

#include <optional>
#include <string>

namespace tiercel::redis {

namespace {

Error no_answer(std::string_view sentinel, std::string_view command) {
    return Error(Errc::protocol_error, std::string(sentinel) + ": this is no answer to " + std::string(command) +
                                           "; check that the URLs are those of sentinels");
}

Error error_reply(const Reply& reply, std::string_view sentinel) {
    if (reply.text.starts_with("ERR unknown command")) {
        return Error(Errc::unsupported, std::string(sentinel) + ": this is no sentinel; give the URLs of sentinels "
                                                                "(their port is 26379 by default)");
    }
    return to_error(reply.text, sentinel);
}

bool is_bulk(const Reply& reply) {
    return reply.kind == Reply::Kind::bulk;
}

} // namespace

Result<SentinelAnswer> parse_sentinel_answer(const Reply& address, const Reply& details, std::string_view sentinel) {
    constexpr std::string_view ask_address = "SENTINEL GET-MASTER-ADDR-BY-NAME";
    if (address.kind == Reply::Kind::error) return error_reply(address, sentinel);
    if (address.kind == Reply::Kind::nil) {
        return Error(Errc::invalid_option,
                     std::string(sentinel) + ": it watches no master of that name; check SentinelOptions::master_name");
    }
    if (address.kind != Reply::Kind::array || address.elements.size() != 2) return no_answer(sentinel, ask_address);
    const auto& host = address.elements[0];
    const auto& port = address.elements[1];
    if (!is_bulk(host) || !is_bulk(port) || host.text.empty()) return no_answer(sentinel, ask_address);
    const auto number = whole_number<long long>(port.text);
    auto master = number ? make_node_address(host.text, *number) : std::nullopt;
    if (!master) return no_answer(sentinel, ask_address);

    if (details.kind == Reply::Kind::error) return error_reply(details, sentinel);
    if (details.kind != Reply::Kind::array || details.elements.size() % 2 != 0) {
        return no_answer(sentinel, "SENTINEL MASTER");
    }
    for (std::size_t i = 0; i < details.elements.size(); i += 2) {
        if (!is_bulk(details.elements[i]) || !is_bulk(details.elements[i + 1])) break;
        if (details.elements[i].text != "config-epoch") continue;
        const auto epoch = whole_number<std::uint64_t>(details.elements[i + 1].text);
        if (!epoch) break;
        return SentinelAnswer{.master = std::move(*master), .epoch = *epoch};
    }
    return no_answer(sentinel, "SENTINEL MASTER");
}

Result<void> parse_master_role(const Reply& reply, std::string_view server) {
    if (reply.kind == Reply::Kind::error) return to_error(reply.text, server);
    if (reply.kind != Reply::Kind::array || reply.elements.empty() || !is_bulk(reply.elements.front())) {
        return Error(Errc::protocol_error, std::string(server) + ": this is no answer to ROLE");
    }
    if (reply.elements.front().text == "master") return {};
    return Error(Errc::read_only, std::string(server) + ": the server is no master; waiting for the sentinels to name "
                                                        "the one that is");
}

Result<SentinelNews> parse_sentinel_news(const Reply& reply, std::string_view master_name, std::string_view sentinel) {
    const auto bad = [&] { return no_answer(sentinel, "SUBSCRIBE"); };
    if (reply.kind == Reply::Kind::error) return error_reply(reply, sentinel);
    if (reply.kind != Reply::Kind::array || reply.elements.size() < 2 || !is_bulk(reply.elements[0])) return bad();
    const auto& kind = reply.elements[0].text;
    if (kind == "pong") return SentinelNews::pong;
    if (reply.elements.size() != 3) return bad();
    if (kind == "subscribe") return SentinelNews::subscribed;
    const auto& message = reply.elements[2];
    if (kind != "message" || !is_bulk(message)) return bad();
    // "<master name> <old host> <old port> <new host> <new port>"; a name holds no space
    const auto name = std::string_view(message.text).substr(0, message.text.find(' '));
    return name == master_name ? SentinelNews::switched : SentinelNews::other;
}

} // namespace tiercel::redis
