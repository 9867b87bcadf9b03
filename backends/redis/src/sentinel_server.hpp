#pragma once

#include "exchange.hpp"
#include "sentinels.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tiercel::redis {

/// The server that the sentinels say is the master, as long as it says so too; all keys are in one slot. Commands wait
/// while it is looked for and nobody is known, and fail at once while that has no prospect. Those under way when it
/// loses its place end with connection_lost.
class SentinelServer final : public Exchange {
public:
    /// The options have been judged. `node` is how a server is spoken to; where, the sentinels say.
    SentinelServer(std::shared_ptr<spi::Runtime> runtime, std::vector<Address> sentinels, Address node,
                   const SentinelOptions& options);

    Slot slot_of(BytesView) const noexcept override { return 0; }
    boost::asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime deadline) override;
    boost::asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime deadline) override;
    boost::asio::awaitable<Answer> run_at(std::string server, Commands command, SteadyTime deadline) override;
    std::vector<ReplicaPart> at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now) override;
    void close() noexcept override { sentinels_->close(); }

private:
    boost::asio::awaitable<Result<NodePtr>> master(SteadyTime deadline);
    boost::asio::awaitable<std::vector<Answer>> run_on(NodePtr node, Commands commands, SteadyTime deadline);

    const std::shared_ptr<Sentinels> sentinels_;
};

} // namespace tiercel::redis
