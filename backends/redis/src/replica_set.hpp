#pragma once

#include "node_address.hpp"
#include "replica_lag.hpp"
#include "replication_info.hpp"
#include "resp.hpp"
#include "routing.hpp"
#include "server_node.hpp"
#include "transport/call.hpp"
#include "url.hpp"

#include <tiercel/redis.hpp>
#include <tiercel/spi/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tiercel::redis {

class ReplicaSet;

/// One replica of a master. Its connections close when nobody has it any more.
struct Replica {
    Replica(spi::Runtime& runtime, const Address& where, const Options& options)
        : address{where.host, where.port},
          label(where.label()),
          connections(connections_to(where, runtime, options, sessions)),
          lag(options.replica_reads->max_staleness, options.reconnect_delay_min, options.reconnect_delay_max) {}
    ~Replica() { connections.close(); }
    Replica(const Replica&) = delete;
    Replica& operator=(const Replica&) = delete;

    std::uint64_t session() const noexcept { return sessions->load(std::memory_order_relaxed); }

    const NodeAddress address;
    const std::string label;
    const SessionCount sessions = std::make_shared<std::atomic<std::uint64_t>>(0);
    transport::Connections connections;
    ReplicaLag lag; // guarded by the set's mutex
};

/// A replica that may be read by who begins now.
struct ReplicaPick {
    std::shared_ptr<ReplicaSet> set;
    std::shared_ptr<Replica> replica;
    std::uint64_t session = 0;

    /// To be asked when the reply is there: it is the process that was proven fresh enough that has replied.
    bool holds() const noexcept { return replica->session() == session; }
    /// It did not answer, or refused to.
    void failed() const;
};

/// Keys that are read together at one replica.
struct ReplicaPart {
    ReplicaPick at;
    Places places;
};

/// The replicas of one master, and which of them may be read:
///
///     resting ──a read, and the last round began an interval ago──> asking the master for its place ──> resting
///                                                                            │ its place
///                                                    each replica: resting ──┴──> asking it for its place ──> resting
///
/// Reads wait for none of this. What follows from the answers is MasterHistory's and ReplicaLag's.
///
/// Thread safety: all but the private members marked so may be called concurrently.
/// Lifetime: like a Connection, lives on the event loop and does not keep it: whoever calls does.
class ReplicaSet : public std::enable_shared_from_this<ReplicaSet> {
public:
    enum class Named : unsigned char {
        by_master, ///< where the replicas are is what it says
        by_caller, ///< of name()
    };

    /// `replica` is how a replica is spoken to; where, is found out. The options have `replica_reads`.
    ReplicaSet(spi::Runtime& runtime, NodePtr master, Address replica, const Options& options, Named named);

    const NodePtr& master() const noexcept { return master_; }

    /// The replicas are these; of too many, the first. What is known of those that stay, stays.
    void name(const std::vector<NodeAddress>& replicas);

    /// A replica that may be read by who began at `now`, each in turn; empty: the master is to be read.
    std::optional<ReplicaPick> pick(SteadyTime now);

    /// See ReplicaPick.
    void failed(Replica& replica);

    /// Closes all connections to replicas. Idempotent.
    void close() noexcept;

private:
    void name_locked(const std::vector<NodeAddress>& replicas);

    // On the strand.
    void ask_master();
    void on_master(SteadyTime asked_at, const transport::Call& call);
    void ask_replicas();
    void on_replica(const std::weak_ptr<Replica>& asked, std::uint64_t session, const transport::Call& call);

    const boost::asio::any_io_executor strand_;
    spi::Runtime* const runtime_; // to be used under mutex_ and before close() only
    const NodePtr master_;
    const Address replica_address_;
    const Options options_;
    const Named named_;
    const std::chrono::milliseconds interval_;      // between two rounds
    const std::chrono::milliseconds answer_within_; // of a question

    std::mutex mutex_; // guards what follows; not held during I/O
    std::vector<std::shared_ptr<Replica>> replicas_;
    std::vector<std::weak_ptr<Replica>> leaving_; // not named any more, perhaps with calls under way
    MasterHistory history_;
    SteadyTime next_round_ = SteadyTime::min();
    bool asking_master_ = false;
    std::size_t turn_ = 0;
    std::mt19937_64 random_;
    bool closed_ = false;
};

} // namespace tiercel::redis
