#pragma once

#include <tiercel/result.hpp>
#include <tiercel/tls_options.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel::spi {
class Backend;
class Runtime;
} // namespace tiercel::spi

namespace tiercel::redis {

/// How a `rediss://` URL is spoken.
using TlsOptions = tiercel::TlsOptions;

/// How to talk to one Redis server. Bounds are per connection. How long a call may take is the tier's to say.
struct Options {
    /// ACL user. Needs a password; not to be given here and in the URL. Default: the server's "default" user.
    std::optional<std::string> username = {};
    /// As it is, not percent-encoded; not to be given here and in the URL. Default: none is sent.
    std::optional<std::string> password = {};
    /// Shown by CLIENT LIST: printable ASCII without spaces. Empty: none is set.
    std::string client_name = "tiercel";

    /// For `rediss://` only: given with another URL, it is an error.
    TlsOptions tls = {};

    /// Bounds name resolution, connecting, the TLS handshake and logging in together. Positive.
    std::chrono::milliseconds connect_timeout = std::chrono::seconds(1);
    /// A connection with a request outstanding on which nothing moves for this long is dropped, and all that is
    /// outstanding on it fails. Until then, late replies to calls that timed out are matched and discarded. Positive.
    std::chrono::milliseconds max_silence = std::chrono::seconds(2);
    /// After a failure to connect, no attempt is made for a time that doubles from `min` to `max` with each further
    /// failure, less a random share of up to a half; calls made meanwhile fail at once. Positive, min <= max.
    std::chrono::milliseconds reconnect_delay_min = std::chrono::milliseconds(50);
    std::chrono::milliseconds reconnect_delay_max = std::chrono::seconds(2);

    /// Sockets to the server that the event loop serves; calls take turns. One serves many callers by pipelining.
    /// 1 to 64.
    std::size_t connections = 1;
    /// Most sockets for callers that block, who send and receive themselves, in turn: no other thread is needed for a
    /// call. Opened as needed: a caller alone uses one. 0, or TLS: such callers use the others, too. Up to 64.
    std::size_t blocking_connections = 4;
    /// Calls (a batch is one) that may wait or be outstanding; further ones fail with Errc::overloaded. Positive.
    std::size_t max_pending_calls = 65'536;
    /// The same for the bytes of their requests. At least max_reply_bytes.
    std::size_t max_pending_bytes = std::size_t{128} << 20;
    /// What one reply may hold in memory, and the largest value that is stored. A value beyond it is read past and
    /// fails alone, with Errc::value_too_large. 1 KiB to 512 MiB.
    std::size_t max_reply_bytes = std::size_t{64} << 20;

    /// Where the sockets are served. Default: spi::default_runtime().
    std::shared_ptr<spi::Runtime> runtime = {};
};

/// A backend over one Redis server (5.0 or later). Connects at first use and again after every loss, so that a server
/// that is down is a failing tier, not an error here. `url` is one of
///
///     redis://[[user]:password@]host[:port][/database]
///     rediss://[[user]:password@]host[:port][/database]          over TLS; see Options::tls
///     unix://[[user]:password@]/path/to/socket[?db=database]
///
/// with an IPv6 address in brackets and user, password and path percent-encoded.
/// Errors: invalid_option for a bad URL, option or TLS file; the message says what to write instead, and holds no
/// secret.
Result<std::shared_ptr<spi::Backend>> connect(std::string_view url, const Options& options = {});

/// How to talk to a Redis Cluster.
struct ClusterOptions {
    /// As for one server, applied to each node: its bounds are per connection, `connections` is per node.
    Options node = {};
    /// A call that finds the map of slots older than this has it asked for anew; it does not wait for that.
    /// Redirections and failures of nodes have it asked for at once. Positive, up to a day.
    std::chrono::milliseconds refresh_interval = std::chrono::seconds(60);
    /// How often a command is sent on to another node (MOVED, ASK) before it fails with Errc::moved. 1 to 64.
    std::size_t max_redirections = 5;
};

/// A backend over a Redis Cluster (5.0 or later). Each key goes to the master that has its slot; batches are split,
/// sent to all nodes at once, and a node that fails fails its own keys only. Any of `seeds` that answers tells where
/// the other nodes are; nodes that join, leave or take over are noticed. Each seed is a URL
///
///     redis://[[user]:password@]host[:port]        or rediss://, over TLS, in all of them
///
/// with the same user and password in all, which the nodes found later are given too. These are verified by the host
/// that the cluster names them by, unless TlsOptions::server_name says otherwise.
/// Errors: as of connect; invalid_option for a unix socket, a database, or seeds that contradict each other.
Result<std::shared_ptr<spi::Backend>> connect_cluster(const std::vector<std::string>& seeds,
                                                      const ClusterOptions& options = {});

} // namespace tiercel::redis
