#include "sentinel_server.hpp"

#include "node_address.hpp"

#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;

namespace {

/// More news than come before any deadline that somebody waits for.
constexpr std::size_t max_attempts = 64;

std::string name_of(const ServerNode& node) {
    return NodeAddress{node.address.host, node.address.port}.text();
}

/// Is what a server that is not the master any more may answer.
bool raises_doubt(const Error& error) {
    return error == Errc::connection_failed || error == Errc::connection_lost || error == Errc::timeout ||
           error == Errc::read_only;
}

} // namespace

SentinelServer::SentinelServer(std::shared_ptr<spi::Runtime> runtime, std::vector<Address> sentinels, Address node,
                               const SentinelOptions& options)
    : Exchange(std::move(runtime), "redis master \"" + options.master_name + "\"", options.node),
      sentinels_(std::make_shared<Sentinels>(Exchange::runtime(), std::move(sentinels), std::move(node), options)) {}

asio::awaitable<std::vector<Answer>> SentinelServer::run(Commands commands, SteadyTime deadline) {
    auto node = co_await master(deadline);
    if (!node) co_return std::vector<Answer>(commands.count(), Answer(node.error()));
    co_return co_await run_on(std::move(*node), std::move(commands), deadline);
}

asio::awaitable<std::vector<Answer>> SentinelServer::run_on(NodePtr node, Commands commands, SteadyTime deadline) {
    auto answers = co_await send(node->connections, node->label, std::move(commands), deadline);
    bool doubtful = false;
    for (auto& answer : answers) {
        if (answer) continue;
        if (answer.error() == Errc::closed && !sentinels_->is_closed()) {
            answer = Error(Errc::connection_lost,
                           node->label + ": the server is not the master any more; its connections were closed");
        }
        doubtful = doubtful || raises_doubt(answer.error());
    }
    if (doubtful) sentinels_->doubt();
    co_return answers;
}

asio::awaitable<Result<NodePtr>> SentinelServer::master(SteadyTime deadline) {
    for (std::size_t attempt = 1;; ++attempt) {
        const auto known = sentinels_->known();
        if (!known) co_return known.error();
        if (std::chrono::steady_clock::now() >= deadline) {
            co_return Error(Errc::timeout, label() + ": the deadline passed before the request could be sent");
        }
        if (known->master) co_return known->master;
        const auto outlook = sentinels_->need(known->generation);
        if (attempt == max_attempts || (!outlook.changed && !outlook.searching)) {
            co_return outlook.failure.value_or(Error(Errc::not_ready, label() + ": nobody knows where it is yet"));
        }
        if (!outlook.changed) co_await Sentinels::wait(sentinels_, known->generation, deadline);
    }
}

asio::awaitable<Result<std::vector<std::string>>> SentinelServer::servers(SteadyTime deadline) {
    const auto node = co_await master(deadline);
    if (!node) co_return node.error();
    co_return std::vector<std::string>{name_of(**node)};
}

asio::awaitable<Answer> SentinelServer::run_at(std::string server, Commands command, SteadyTime deadline) {
    auto node = co_await master(deadline);
    if (!node) co_return node.error();
    if (name_of(**node) != server) {
        co_return Error(Errc::moved, label() + ": another server has become the master; begin the scan again");
    }
    auto answers = co_await run_on(std::move(*node), std::move(command), deadline);
    co_return std::move(answers.front());
}

std::vector<ReplicaPart> SentinelServer::at_replicas(std::span<const Slot>, const Places& places, SteadyTime now) {
    std::vector<ReplicaPart> parts;
    const auto known = sentinels_->known();
    if (!known || !known->replicas || places.empty()) return parts;
    if (auto pick = known->replicas->pick(now)) parts.push_back({std::move(*pick), places});
    return parts;
}

} // namespace tiercel::redis
