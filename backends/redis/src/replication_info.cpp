#include "replication_info.hpp"

#include "error_reply.hpp"
#include "whole_number.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tiercel::redis {

namespace {

bool is_history(std::string_view text) {
    return text.size() == 40 && std::all_of(text.begin(), text.end(),
                                            [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// "slave0", "slave17"; not "slave_repl_offset".
bool names_a_replica(std::string_view field) {
    constexpr std::string_view prefix = "slave";
    return field.starts_with(prefix) && whole_number<std::uint64_t>(field.substr(prefix.size())).has_value();
}

/// "ip=127.0.0.1,port=6380,state=online,offset=14,lag=0", of which the order is not promised.
std::optional<NodeAddress> online_replica(std::string_view text) {
    std::string_view host;
    std::string_view state;
    std::optional<std::uint64_t> port;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto value = part.substr(std::min(part.size(), part.find('=') + 1));
        if (part.starts_with("ip=")) host = value;
        if (part.starts_with("port=")) port = whole_number<std::uint64_t>(value);
        if (part.starts_with("state=")) state = value;
    }
    if (state != "online" || host.empty() || !port || *port > UINT16_MAX) return std::nullopt;
    return make_node_address(host, static_cast<long long>(*port));
}

/// A field of which there is one.
class Field {
public:
    explicit Field(std::string_view name) : name_(name) {}

    /// False if it is said twice.
    bool take(std::string_view name, std::string_view value) {
        if (name != name_) return true;
        if (value_) return false;
        value_ = value;
        return true;
    }
    const std::optional<std::string_view>& value() const noexcept { return value_; }

private:
    const std::string_view name_;
    std::optional<std::string_view> value_;
};

} // namespace

Result<ReplicationInfo> ReplicationInfo::parse(const Reply& reply, std::string_view server) {
    if (reply.kind == Reply::Kind::error) return to_error(reply.text, server);
    const Error bad(Errc::protocol_error, std::string(server) + ": this is no answer to INFO replication");
    if (reply.kind != Reply::Kind::bulk || reply.text.size() > max_bytes) return bad;
    Field role("role");
    Field history("master_replid");
    Field written("master_repl_offset");
    Field held("slave_repl_offset");
    Field link("master_link_status");
    Field sync("master_sync_in_progress");
    ReplicationInfo info;
    std::string_view text = reply.text;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find("\r\n"));
        text.remove_prefix(std::min(text.size(), line.size() + 2));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue; // a heading
        const auto name = line.substr(0, colon);
        const auto value = line.substr(colon + 1);
        for (auto* field : {&role, &history, &written, &held, &link, &sync})
            if (!field->take(name, value)) return bad;
        if (info.replicas.size() < max_replicas && names_a_replica(name)) {
            if (auto replica = online_replica(value)) info.replicas.push_back(std::move(*replica));
        }
    }
    if (role.value() != "master" && role.value() != "slave") return bad;
    info.is_master = role.value() == "master";
    const auto offset = info.is_master ? written.value() : held.value();
    const auto number = offset ? whole_number<std::uint64_t>(*offset) : std::nullopt;
    if (!number || !history.value() || !is_history(*history.value())) return bad;
    info.place = {.history = std::string(*history.value()), .offset = *number};
    info.in_sync = !info.is_master && link.value() == "up" && sync.value() == "0";
    if (!info.is_master) info.replicas.clear(); // replicas of a replica
    return info;
}

} // namespace tiercel::redis
