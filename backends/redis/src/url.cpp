#include "url.hpp"

#include "whole_number.hpp"

#include <cstddef>
#include <sys/un.h>
#include <utility>

namespace tiercel::redis {

namespace {

constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

Error bad(std::string_view what) {
    return Error(Errc::invalid_option, "bad Redis URL: " + std::string(what));
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = hex_digit(text[i + 1]);
        const int low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

Result<void> parse_user_info(std::string_view text, Address& address) {
    const auto colon = text.find(':');
    const auto username = percent_decode(text.substr(0, colon));
    if (!username) return bad("a % in the user name is not followed by two hex digits; write % itself as %25");
    if (!username->empty()) address.username = *username;
    if (colon != std::string_view::npos) {
        address.password = percent_decode(text.substr(colon + 1));
        if (!address.password) {
            return bad("a % in the password is not followed by two hex digits; write % itself as %25");
        }
    }
    return {};
}

Result<void> parse_database(std::string_view text, Address& address) {
    const auto database = whole_number<std::uint32_t>(text);
    if (!database || *database > INT32_MAX) return bad("the database is a number, such as redis://localhost:6379/0");
    address.database = *database;
    return {};
}

Result<void> parse_host_and_port(std::string_view text, Address& address) {
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return bad("the bracket around the IPv6 address is not closed");
        address.host = text.substr(1, end - 1);
        const auto rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') return bad("after the IPv6 address in brackets comes :port");
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
    } else {
        const auto colon = text.find(':');
        has_port = colon != std::string_view::npos;
        address.host = text.substr(0, colon);
        if (has_port) port = text.substr(colon + 1);
        if (port.find(':') != std::string_view::npos) {
            return bad("an IPv6 address stands in brackets, such as redis://[::1]:6379");
        }
    }
    if (address.host.empty()) return bad("the host is missing; write redis://host:6379");
    for (const char c : address.host) {
        if (c <= ' ' || c == 0x7f || c == '%') return bad("the host holds a character that no host name has");
    }
    if (has_port) {
        const auto number = whole_number<std::uint16_t>(port);
        if (!number || *number == 0) {
            return bad("the port is a number from 1 to 65535 (a / ? # or @ in the password is to be percent-encoded)");
        }
        address.port = *number;
    }
    return {};
}

Result<Address> parse_tcp(std::string_view rest, std::uint16_t port) {
    Address address;
    address.port = port;
    const auto authority = rest.substr(0, rest.find_first_of("/?#"));
    rest.remove_prefix(authority.size());
    auto host_and_port = authority;
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        if (auto parsed = parse_user_info(authority.substr(0, at), address); !parsed) return parsed.error();
        host_and_port = authority.substr(at + 1);
    }
    if (auto parsed = parse_host_and_port(host_and_port, address); !parsed) return parsed.error();
    if (rest.starts_with('/')) rest.remove_prefix(1);
    const auto database = rest.substr(0, rest.find_first_of("?#"));
    if (database.size() != rest.size()) {
        return bad("it takes no parameters after ? or #; the rest is set through tiercel::redis::Options");
    }
    if (!database.empty()) {
        if (auto parsed = parse_database(database, address); !parsed) return parsed.error();
    }
    return address;
}

Result<Address> parse_unix(std::string_view rest) {
    Address address;
    if (!rest.starts_with('/')) {
        const auto slash = rest.find('/');
        const auto at = rest.substr(0, slash).rfind('@');
        if (slash == std::string_view::npos || at == std::string_view::npos || at + 1 != slash) {
            return bad("the path of the socket is absolute, such as unix:///run/redis/redis.sock");
        }
        if (auto parsed = parse_user_info(rest.substr(0, at), address); !parsed) return parsed.error();
        rest.remove_prefix(slash);
    }
    const auto question = rest.find('?');
    auto path = percent_decode(rest.substr(0, question));
    if (!path) return bad("a % in the path is not followed by two hex digits; write % itself as %25");
    if (path->find('\0') != std::string::npos || path->size() < 2) {
        return bad("the path of the socket is missing, such as in unix:///run/redis/redis.sock");
    }
    if (path->size() > max_socket_path) {
        return bad("the path of the socket is longer than the system's " + std::to_string(max_socket_path) + " bytes");
    }
    address.socket_path = std::move(*path);
    if (question != std::string_view::npos) {
        const auto parameters = rest.substr(question + 1);
        if (!parameters.starts_with("db=")) return bad("the only parameter it takes is db, such as ?db=1");
        if (auto parsed = parse_database(parameters.substr(3), address); !parsed) return parsed.error();
    }
    return address;
}

} // namespace

Result<Address> parse_url(std::string_view url, std::uint16_t port) {
    constexpr std::string_view tcp_scheme = "redis://";
    constexpr std::string_view tls_scheme = "rediss://";
    constexpr std::string_view unix_scheme = "unix://";
    if (url.starts_with(tcp_scheme)) return parse_tcp(url.substr(tcp_scheme.size()), port);
    if (url.starts_with(unix_scheme)) return parse_unix(url.substr(unix_scheme.size()));
    if (url.starts_with(tls_scheme)) {
        auto address = parse_tcp(url.substr(tls_scheme.size()), port);
        if (address) address->encrypted = true;
        return address;
    }
    return bad("it begins with redis://, rediss:// or unix://, such as redis://127.0.0.1:6379");
}

} // namespace tiercel::redis
