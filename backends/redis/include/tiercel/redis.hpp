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

namespace tiercel::redis {

/// How a `rediss://` URL is spoken.
using TlsOptions = tiercel::TlsOptions;

/// Reads from replicas: what they may cost in freshness.
///
/// What a get_many has from a replica is nothing older than what the master held `max_staleness` before the call began.
/// This is proven, not guessed, by this process's steady clock: the master is asked for its place in the history of its
/// writes, and a replica that has come as far as that holds what the master held when it was asked. A replica for which
/// that is too long ago is not read. Read from the master is always:
///
/// - a key that this backend has written, erased or touched, or tried to, within the last `max_staleness` (and
///   Options::max_silence longer after a write that failed), so that a process does not see its own writes undone;
/// - a key that the replica does not have, before it is reported as absent;
/// - what a replica fails to answer within half of the time to the deadline, or answers with an error.
///
/// Replicas are found by what the master says of them (INFO), in a cluster by CLUSTER SLOTS, with each refresh of the
/// map. They must be reachable there, and take the same user and password. Those of one master take turns; the first 16
/// of them count.
struct ReplicaReads {
    /// 20 ms to an hour. About every quarter of it, a second at most, while there are reads, the master and its
    /// replicas are asked for their places (INFO replication).
    std::chrono::milliseconds max_staleness = std::chrono::seconds(1);
};

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

    /// Given: replicas are read, of the one server, of each master of a cluster, of the master that sentinels watch, of
    /// each of a list. Default: all reads go to the master.
    std::optional<ReplicaReads> replica_reads = {};

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

/// How to talk to a master that sentinels watch.
struct SentinelOptions {
    /// As in the sentinels' `sentinel monitor`. No default; printable ASCII without spaces.
    std::string master_name = {};
    /// As for one server, applied to the master. `username` and `password` are for it, not for the sentinels.
    /// `connect_timeout` bounds each question to a sentinel too.
    Options node = {};
    /// Of the master.
    std::uint32_t database = 0;
    /// The master is spoken to over TLS, as `node.tls` says: its certificate must be for the host that the sentinels
    /// name, or for `node.tls.server_name`. Default: plain text.
    bool encrypted = false;
    /// For sentinels with `rediss://` URLs; given without such, it is an error.
    TlsOptions sentinel_tls = {};
    /// While less than most of the subscriptions to the sentinels are up, a call that finds the last answer older than
    /// this has them asked anew; it does not wait for that. Also the time between the heartbeats of a subscription.
    /// 10 ms to a day.
    std::chrono::milliseconds ask_interval = std::chrono::seconds(1);
};

/// A backend over the Redis master (5.0 or later) that sentinels watch, wherever it is: the sentinels are asked, the
/// server that they name must say itself that it is a master, and each change that they tell of is followed at once.
/// Then, the former master's connections are closed, and what was under way on them fails with connection_lost. All
/// sentinels that are listed are asked; one that is down, hangs or says what makes no sense is passed over. Each is a
/// URL
///
///     redis://[[user]:password@]host[:port]        or rediss://, over TLS; port 26379 unless given
///
/// with the user and password of that sentinel.
/// Errors: as of connect; invalid_option for a unix socket, a database in a sentinel's URL, or no master_name.
Result<std::shared_ptr<spi::Backend>> connect_sentinel(const std::vector<std::string>& sentinels,
                                                       const SentinelOptions& options);

/// One of several independent servers.
struct Shard {
    /// As for connect.
    std::string url = {};
    /// What the server's place among the others is computed from: a server that takes over the name of another takes
    /// over its keys. No two alike; printable ASCII without spaces. Default: "host:port" as the URL has them, or the
    /// path of a unix socket.
    std::string name = {};
    /// Its share of the keys, compared with the others'. 1 to 64.
    std::size_t weight = 1;
};

/// A backend over independent servers that know nothing of each other (5.0 or later), 1 to 256 of them, which share the
/// keys by consistent hashing: whoever has the same names and weights, in any order, finds a key at the same server,
/// and one more or less moves the keys of its share only. Batches are split and sent to all at once. A server that is
/// down or hangs fails its own keys, which nobody takes over. The options go for each server.
/// Errors: as of connect; invalid_option for two shards of one name, or of the same host and port without names.
Result<std::shared_ptr<spi::Backend>> connect_sharded(const std::vector<Shard>& shards, const Options& options = {});

} // namespace tiercel::redis
