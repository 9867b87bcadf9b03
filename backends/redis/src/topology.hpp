#pragma once

#include "node_address.hpp"
#include "redirection.hpp"
#include "refresh_state.hpp"
#include "replica_set.hpp"
#include "routing.hpp"
#include "server_node.hpp"
#include "slot_map.hpp"
#include "transport/call.hpp"
#include "url.hpp"
#include "waiters.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace tiercel::redis {

/// What is known of a cluster: who owns which slot, and the connections to each. Known from CLUSTER SLOTS of any node:
///
///     settled ──somebody needs it, and the back-off allows──> refreshing ──a node answers──> settled: map replaced
///        ^                                                     │      ^
///        │                                           a node fails     └── the next one is asked
///        └──────────────── all have failed: map kept ──────────┘
///
/// Needs it: who finds no owner, was redirected by MOVED, or saw a node fail; and any call when the map is older than
/// the refresh interval. While nobody calls nothing is asked.
///
/// Between refreshes MOVED corrects the map slot by slot. A node that the new map does not name is let go.
///
/// Thread safety: all but the private members marked so may be called concurrently.
/// Lifetime: like a Connection, lives on the event loop and does not keep it: whoever calls does.
class Topology : public std::enable_shared_from_this<Topology> {
public:
    /// The seeds differ only in where they are.
    Topology(spi::Runtime& runtime, std::vector<Address> seeds, const ClusterOptions& options);

    /// Commands by the node that they go to; `node` is null for those whose slot has no known owner.
    struct Part {
        NodePtr node;
        Places places;
    };
    struct Route {
        std::vector<Part> parts;
        std::uint64_t generation = 0; ///< of the map that was used
    };
    /// Errors: closed.
    Result<Route> route(const Commands& commands, const Places& places);

    /// Which keys may be read at replicas now; see Exchange.
    std::vector<ReplicaPart> at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now);

    struct Masters {
        std::vector<NodeAddress> nodes; ///< ascending
        bool cover_all_slots = false;
        std::uint64_t generation = 0;
    };
    /// Errors: closed.
    Result<Masters> masters();

    /// A node by its address, made if need be.
    /// Errors: closed; protocol_error for one node too many.
    Result<NodePtr> node(const NodeAddress& address);

    /// What `asked` said: corrects the map, if it says so, and gives the node that it names.
    /// Errors: as of node().
    Result<NodePtr> redirected(const Redirection& redirection, const ServerNode& asked);

    /// The node could not be reached, or did not answer in time.
    void failed(ServerNode& node);
    /// It has answered.
    static void answered(ServerNode& node) noexcept;

    /// For who found something missing in the map of `generation`.
    struct Outlook {
        bool changed = false;         ///< there is another map
        bool refreshing = false;      ///< there may soon be
        bool known = false;           ///< there is a map at all
        std::optional<Error> failure; ///< of the last refresh
    };
    Outlook need(std::uint64_t generation);

    /// Returns when there is another map than that of `generation`, or no hope for a first one; when `until` has come;
    /// or on close().
    static boost::asio::awaitable<void> wait(std::shared_ptr<Topology> self, std::uint64_t generation,
                                             SteadyTime until);

    /// Closes all connections and wakes who waits. Idempotent.
    void close() noexcept;

private:
    NodePtr node_locked(const NodeAddress& address);
    Address address_of(const NodeAddress& node) const;
    /// True if a refresh is under way.
    bool request_refresh();
    bool may_begin_locked(SteadyTime now);

    // On the strand.
    void begin_refresh();
    void ask_next();
    void on_slots(const transport::Call& call);
    void adopt(SlotMap map);
    /// Gives what is to be closed.
    std::map<NodeAddress, std::shared_ptr<ReplicaSet>> name_replicas_locked();
    void give_up();
    boost::asio::awaitable<void> wait_here(std::uint64_t generation, SteadyTime until);

    const boost::asio::any_io_executor strand_;
    spi::Runtime* const runtime_; // to be used under mutex_ and before close() only
    const std::vector<Address> seeds_;
    const Options node_options_;
    const std::chrono::milliseconds refresh_interval_;

    std::mutex mutex_; // guards what follows, up to the next comment; not held during I/O
    SlotMap map_;
    std::map<NodeAddress, NodePtr> nodes_;           // those in use: of the map, seeds, and named by ASK
    std::vector<std::weak_ptr<ServerNode>> leaving_; // not in the map, perhaps with calls under way
    std::map<NodeAddress, std::shared_ptr<ReplicaSet>> replica_sets_; // by master; of those in the map that have any
    RefreshState refresh_;
    std::mt19937_64 random_;
    bool closed_ = false;

    // Only on the strand.
    std::vector<NodeAddress> candidates_; // to be asked, the next one last
    NodePtr asked_;
    std::optional<Error> last_answer_; // why the last one asked was of no use
    Waiters waiters_;
};

} // namespace tiercel::redis
