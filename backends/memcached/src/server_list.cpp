#include "server_list.hpp"

#include <boost/algorithm/string/trim.hpp>

#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace tiercel::memcached {

namespace {

constexpr std::size_t max_host_bytes = 253; // of a DNS name
constexpr std::size_t max_path_bytes = sizeof(sockaddr_un::sun_path) - 1;

Error bad_entry(std::string_view entry, const std::string& what) {
    // What stands before an @ in another kind of URL may be a password.
    if (const auto at = entry.rfind('@'); at != entry.npos) entry.remove_prefix(at + 1);
    return Error(Errc::invalid_option,
                 "servers: \"" + std::string(entry) + "\": " + what +
                     R"(; write "host", "host:port", "[ipv6]:port" or "unix:///path", with "?weight=2" if need be,)"
                     " separated by commas");
}

template <class Number>
bool parse_number(std::string_view digits, Number& number) {
    const auto end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, number);
    return error == std::errc() && stopped == end && number != 0;
}

Result<Server> parse_server(std::string_view entry) {
    Server server;
    std::string_view rest = entry;
    if (const auto question = rest.find('?'); question != rest.npos) {
        const auto query = rest.substr(question + 1);
        rest = rest.substr(0, question);
        constexpr std::string_view weight = "weight=";
        if (!query.starts_with(weight) || !parse_number(query.substr(weight.size()), server.weight))
            return bad_entry(entry, "after the ? only weight=<a number from 1> can stand");
    }
    constexpr std::string_view unix_scheme = "unix://";
    if (rest.starts_with(unix_scheme)) {
        server.host = rest.substr(unix_scheme.size());
        if (!is_unix_socket(server)) return bad_entry(entry, "the path of a unix socket begins with /");
        return server;
    }
    if (rest.find('/') != rest.npos) return bad_entry(entry, "only unix sockets take a scheme or a path");
    if (rest.starts_with('[')) {
        const auto bracket = rest.find(']');
        if (bracket == rest.npos) return bad_entry(entry, "the closing ] of the IPv6 address is missing");
        server.host = rest.substr(1, bracket - 1);
        rest = rest.substr(bracket + 1);
    } else {
        const auto colon = rest.find(':');
        server.host = rest.substr(0, colon);
        rest = colon == rest.npos ? std::string_view() : rest.substr(colon);
        if (rest.find(':', 1) != rest.npos) return bad_entry(entry, "an IPv6 address stands in brackets");
    }
    if (server.host.empty()) return bad_entry(entry, "the host is missing");
    if (!rest.empty() && (rest.front() != ':' || !parse_number(rest.substr(1), server.port)))
        return bad_entry(entry, "the port is a number from 1 to 65535");
    return server;
}

bool is_printable(char c) {
    return c > ' ' && c < 0x7f;
}

} // namespace

Result<std::vector<Server>> parse_servers(std::string_view list) {
    std::vector<Server> servers;
    for (std::size_t at = 0; at <= list.size();) {
        const auto comma = std::min(list.find(',', at), list.size());
        const auto entry = boost::algorithm::trim_copy(std::string(list.substr(at, comma - at)));
        if (entry.empty()) return bad_entry(list, "a server is missing");
        auto server = parse_server(entry);
        if (!server) return server.error();
        servers.push_back(std::move(*server));
        at = comma + 1;
    }
    return servers;
}

Result<void> check(const std::vector<Server>& servers) {
    if (servers.empty()) return Error(Errc::invalid_option, "servers: must name at least one server");
    if (servers.size() > max_servers) {
        return Error(Errc::invalid_option, "servers: at most " + std::to_string(max_servers) + " are possible, not " +
                                               std::to_string(servers.size()));
    }
    for (const auto& server : servers) {
        if (server.host.empty()) return bad_entry(address(server), "the host is missing");
        if (!std::all_of(server.host.begin(), server.host.end(), is_printable))
            return bad_entry(address(server), "the host holds a space or a control character");
        const auto longest = is_unix_socket(server) ? max_path_bytes : max_host_bytes;
        if (server.host.size() > longest)
            return bad_entry(address(server), "at most " + std::to_string(longest) + " characters are possible");
        if (server.port == 0) return bad_entry(address(server), "the port is a number from 1 to 65535");
        if (server.weight == 0) return bad_entry(address(server), "the weight is a number from 1");
        const auto same = [&](const Server& other) { return address(other) == address(server); };
        if (std::count_if(servers.begin(), servers.end(), same) > 1)
            return bad_entry(address(server), "it is named twice; give it a weight instead");
    }
    return {};
}

std::string address(const Server& server) {
    if (is_unix_socket(server)) return server.host;
    const bool v6 = server.host.find(':') != std::string::npos;
    return (v6 ? '[' + server.host + ']' : server.host) + ':' + std::to_string(server.port);
}

} // namespace tiercel::memcached
