#pragma once

#include "transport/endpoint.hpp"

#include <tiercel/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tiercel::redis {

/// What a server is to be; seen to when logging in.
enum class ServerRole : unsigned char {
    any,
    master,          ///< by its own word, or it is not used
    cluster_replica, ///< of a cluster: to answer reads itself instead of sending them to its master
};

/// Where a server is, how it is spoken to, and as whom to log in.
struct Address : transport::Endpoint {
    std::optional<std::string> username;
    std::optional<std::string> password;
    std::uint32_t database = 0;
    ServerRole role = ServerRole::any; ///< not in the URL
    bool encrypted = false;            ///< the URL asks for TLS; the options say how

    /// "redis 127.0.0.1:6379", for messages: without user and password.
    std::string label() const { return Endpoint::label("redis"); }
};

inline constexpr std::uint16_t default_port = 6379;
inline constexpr std::uint16_t default_sentinel_port = 26379;

/// Reads the URLs that redis.hpp describes; `port` is for one without.
/// Errors: invalid_option. The message repeats nothing of the URL, since a mistyped one may have its password anywhere.
Result<Address> parse_url(std::string_view url, std::uint16_t port = default_port);

} // namespace tiercel::redis
