#pragma once

#include <tiercel/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::spi {
class Backend;
}

namespace tiercel::memcached {

/// One memcached of a pool.
struct Server {
    /// A name or address, which places keys on this server: changing it moves them. Or the path of a unix socket, which
    /// begins with '/'; `port` then means nothing.
    std::string host;
    std::uint16_t port = 11211;
    /// Share of the keys, relative to the other servers' weights. At least 1.
    std::uint32_t weight = 1;
};

struct Options {
    /// Longest wait for a connection and the server's greeting; the call's own deadline may come first. The name lookup
    /// before it is the system's and not bounded by this.
    std::chrono::milliseconds connect_timeout{1000};
    /// Longest silence of a server that owes an answer; the call's own deadline may come first.
    std::chrono::milliseconds request_timeout{1000};
    /// How long a server that could not be reached is left alone: calls for its keys fail at once, and one of them
    /// tries again after each interval.
    std::chrono::milliseconds retry_interval{500};
    /// The largest value sent; larger ones fail with value_too_large and leave what the server has. The default fits a
    /// server's default item limit of 1 MiB with the longest key; raise it together with the server's -I. Replies that
    /// claim a larger value than this are not read either.
    std::size_t max_value_bytes = 1024 * 1024 - 1024;
    /// Threads that talk to the servers, hence also the most connections to each of them. Started at the first call.
    std::size_t threads = 8;
    /// Calls that wait for a thread; one more fails with Errc::overloaded.
    std::size_t max_queued = 1024;
};

/// A pool of memcached servers as a backend: up to 100 servers, each key on one of them (weighted ketama, as most
/// clients place it). Connects at the first call for a key of each server. A server that fails costs its own keys only,
/// which then give errors; they do not move.
/// Errors: invalid_option naming the server or the option.
Result<std::shared_ptr<spi::Backend>> connect(const std::vector<Server>& servers, const Options& options = {});

/// As above, from a list: "cache1, cache2:11212?weight=2, [::1]:11211, unix:///run/memcached.sock".
/// The port is 11211 and the weight 1 where not given.
Result<std::shared_ptr<spi::Backend>> connect(std::string_view servers, const Options& options = {});

} // namespace tiercel::memcached
