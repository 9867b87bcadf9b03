#pragma once

#include <tiercel/result.hpp>
#include <tiercel/tls_options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::spi {
class Backend;
class Runtime;
} // namespace tiercel::spi

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

/// Servers that stand in for dead ones: small ones that are otherwise idle. What they hold lives briefly, so that it
/// cannot be wrong for long. A server counts as dead when no connection to it can be made, or when it has answered no
/// call for `dead_after`; from then on its keys are read from, written to and touched in the gutter, each on one of the
/// gutter's servers. One probe at a time asks the dead server for a sign of life, after a time that begins at
/// reconnect_delay_min and doubles up to reconnect_delay_max, less a random share of up to a half; the first that is
/// answered gives it its keys back. An erase goes to the gutter too, and still fails, since the dead server may come
/// back with the value; conditional writes fail.
struct Gutter {
    /// A list as connect() takes it; none of the pool's own.
    std::string servers = {};
    /// The longest life of what is put into the gutter. 1 s to 5 min.
    std::chrono::milliseconds max_ttl = std::chrono::seconds(10);
    /// From the first call without an answer: connections that break and calls that time out count once this is over
    /// and nothing was answered in between. Positive, up to a day.
    std::chrono::milliseconds dead_after = std::chrono::seconds(1);
};

/// How to talk to the servers of a pool. Bounds are per connection. How long a call may take is the tier's to say.
struct Options {
    /// Given: all servers are spoken to over TLS (memcached's -Z). Not with unix sockets. Default: plain text.
    std::optional<TlsOptions> tls = {};

    /// Bounds name resolution, connecting, the TLS handshake and the greeting together. Positive.
    std::chrono::milliseconds connect_timeout = std::chrono::seconds(1);
    /// A connection with a request outstanding on which nothing moves for this long is dropped, and all that is
    /// outstanding on it fails. Until then, late replies to calls that timed out are matched and discarded. Positive.
    std::chrono::milliseconds max_silence = std::chrono::seconds(2);
    /// After a failure to connect, no attempt is made for a time that doubles from `min` to `max` with each further
    /// failure, less a random share of up to a half; calls made meanwhile fail at once. Positive, min <= max.
    std::chrono::milliseconds reconnect_delay_min = std::chrono::milliseconds(50);
    std::chrono::milliseconds reconnect_delay_max = std::chrono::seconds(2);

    /// Sockets to each server that the event loop serves; calls take turns. One serves many callers by pipelining.
    /// 1 to 64.
    std::size_t connections = 1;
    /// Most sockets to each server for callers that block, who send and receive themselves, in turn: no other thread is
    /// needed for a call. Opened as needed: a caller alone uses one. 0, or TLS: such callers use the others, too. Up
    /// to 64.
    std::size_t blocking_connections = 4;
    /// Calls (a batch is one) that may wait or be outstanding; further ones fail with Errc::overloaded. Positive.
    std::size_t max_pending_calls = 65'536;
    /// The same for the bytes of their requests. At least max_value_bytes and 1 KiB.
    std::size_t max_pending_bytes = std::size_t{128} << 20;
    /// The largest value sent; larger ones fail with value_too_large and leave what the server has. The default fits a
    /// server's default item limit of 1 MiB with the longest key; raise it together with the server's -I. A larger
    /// value in a reply is read past and fails alone. 1 B to 512 MiB.
    std::size_t max_value_bytes = 1024 * 1024 - 1024;

    /// Default: a dead server's keys are errors until it is back.
    std::optional<Gutter> gutter = {};

    /// Where the sockets are served. Default: spi::default_runtime().
    std::shared_ptr<spi::Runtime> runtime = {};
};

/// A pool of memcached servers (1.6.18 or later) as a backend: up to 100 servers, each key on one of them (weighted
/// ketama, as most clients place it). Connects at first use and again after every loss. A server that fails costs its
/// own keys only, which then give errors that name it; they do not move, unless there is a gutter. Errors:
/// invalid_option naming the server, the option or the TLS file.
Result<std::shared_ptr<spi::Backend>> connect(const std::vector<Server>& servers, const Options& options = {});

/// As above, from a list: "cache1, cache2:11212?weight=2, [::1]:11211, unix:///run/memcached.sock".
/// The port is 11211 and the weight 1 where not given.
Result<std::shared_ptr<spi::Backend>> connect(std::string_view servers, const Options& options = {});

/// How to talk to servers that want a login (memcached's -S), which only its binary protocol has: through libmemcached,
/// on a pool of threads.
struct SaslOptions {
    /// For SASL PLAIN. Not empty.
    std::string username = {};
    std::string password = {};
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

/// As connect(), for servers that want a login; without unix sockets, over which libmemcached does not log in. Keys
/// land on the same servers. Neither the password nor anything else is encrypted.
Result<std::shared_ptr<spi::Backend>> connect_sasl(const std::vector<Server>& servers, const SaslOptions& options);
Result<std::shared_ptr<spi::Backend>> connect_sasl(std::string_view servers, const SaslOptions& options);

} // namespace tiercel::memcached
