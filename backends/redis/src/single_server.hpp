#pragma once

#include "exchange.hpp"
#include "server_node.hpp"
#include "url.hpp"

#include <memory>

namespace tiercel::redis {

/// One server, and its replicas if they are read; all keys are in one slot.
class SingleServer final : public Exchange {
public:
    /// The options have been judged.
    SingleServer(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options);

    Slot slot_of(BytesView) const noexcept override { return 0; }
    boost::asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime deadline) override;
    boost::asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime deadline) override;
    boost::asio::awaitable<Answer> run_at(std::string server, Commands command, SteadyTime deadline) override;
    std::vector<ReplicaPart> at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now) override;
    void close() noexcept override;

private:
    const NodePtr server_;
    const std::shared_ptr<ReplicaSet> replicas_; // null: they are not read
};

} // namespace tiercel::redis
