#pragma once

#include "exchange.hpp"
#include "transport/connections.hpp"
#include "url.hpp"

namespace tiercel::redis {

/// One server; all keys are in one slot.
class SingleServer final : public Exchange {
public:
    /// The options have been judged.
    SingleServer(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options);

    Slot slot_of(BytesView) const noexcept override { return 0; }
    boost::asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime deadline) override;
    boost::asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime deadline) override;
    boost::asio::awaitable<Answer> run_at(std::string server, Commands command, SteadyTime deadline) override;
    void close() noexcept override { connections_.close(); }

private:
    transport::Connections connections_;
};

} // namespace tiercel::redis
