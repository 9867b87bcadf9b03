#pragma once

#include "exchange.hpp"
#include "hash_ring.hpp"
#include "routing.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tiercel::redis {

/// Independent servers, each with the keys that a ring of their names gives it. What goes to several goes to all at
/// once. A slot is a server's place in the list.
class Shards final : public Exchange {
public:
    struct Shard {
        HashRing::Member member;
        std::shared_ptr<Exchange> server; ///< one server
    };

    /// The options have been judged; no two names are alike.
    Shards(std::shared_ptr<spi::Runtime> runtime, std::vector<Shard> shards, const Options& options);

    Slot slot_of(BytesView key) const noexcept override { return static_cast<Slot>(ring_.owner(key)); }
    boost::asio::awaitable<std::vector<Answer>> run(Commands commands, SteadyTime deadline) override;
    boost::asio::awaitable<Result<std::vector<std::string>>> servers(SteadyTime deadline) override;
    boost::asio::awaitable<Answer> run_at(std::string server, Commands command, SteadyTime deadline) override;
    std::vector<ReplicaPart> at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now) override;
    void close() noexcept override;

private:
    static boost::asio::awaitable<void> run_part(Exchange& server, Commands part, const Places& places,
                                                 SteadyTime deadline, std::vector<Answer>& answers);

    const std::vector<Shard> shards_; // by name
    const HashRing ring_;             // of the same, in the same order
};

} // namespace tiercel::redis
