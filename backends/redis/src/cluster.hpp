#pragma once

#include "exchange.hpp"
#include "topology.hpp"

#include <string_view>

namespace tiercel::redis {

/// A cluster: each command goes to the node that owns its slot, all nodes at once, and what comes back is put in order.
/// The life of a command:
///
///            no owner known: wait for a map
///                 │  ^
///                 v  │
///     start ──> routed ──> sent ──a reply, or an error of the connection──> answered
///                 ^          │
///                 │          ├── MOVED, ASK (sent there behind ASKING): at most max_redirections times
///                 │          │
///                 └──────────┴── CLUSTERDOWN, TRYAGAIN: after a pause, while the deadline allows
///
/// Those sent to one node together go on together, and wait for no other node. A command that may have reached a server
/// is sent again only if that server said that it did not carry it out.
class Cluster final : public Exchange {
public:
    /// The options have been judged; the seeds differ only in where they are.
    Cluster(std::shared_ptr<spi::Runtime> runtime, std::vector<Address> seeds, const ClusterOptions& options);

    Slot slot_of(BytesView key) const noexcept override { return redis::slot_of(key); }
    boost::asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime deadline) override;
    boost::asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime deadline) override;
    boost::asio::awaitable<Answer> run_at(std::string server, Commands command, SteadyTime deadline) override;
    std::vector<ReplicaPart> at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now) override {
        return topology_->at_replicas(slots, places, now);
    }
    void close() noexcept override { topology_->close(); }

private:
    struct Batch;
    /// What a command has been through.
    struct Patience {
        std::size_t redirections = 0;
        std::size_t pauses = 0;
    };
    enum class Manner : unsigned char { plainly, asking };

    boost::asio::awaitable<void> send(Batch& batch, Places places, Patience patience);
    boost::asio::awaitable<void> send_to(Batch& batch, NodePtr node, Places places, Manner manner, Patience patience);
    boost::asio::awaitable<void> wait_for_owner(Batch& batch, Places places, std::uint64_t generation,
                                                Patience patience);
    boost::asio::awaitable<void> send_later(Batch& batch, Places places, std::uint64_t generation, SteadyTime when,
                                            Patience patience);
    boost::asio::awaitable<Result<void>> another_map(std::uint64_t generation, SteadyTime deadline, Patience& patience);
    Error timeout() const;

    const std::shared_ptr<Topology> topology_;
    const std::size_t max_redirections_;
};

} // namespace tiercel::redis
