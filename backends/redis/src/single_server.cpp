#include "single_server.hpp"

#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;

namespace {

std::shared_ptr<ReplicaSet> replicas_of(spi::Runtime& runtime, const NodePtr& server, const Options& options) {
    if (!options.replica_reads) return nullptr;
    auto replica = server->address; // as whom to log in
    replica.socket_path.clear();
    return std::make_shared<ReplicaSet>(runtime, server, std::move(replica), options, ReplicaSet::Named::by_master);
}

} // namespace

SingleServer::SingleServer(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options)
    : Exchange(std::move(runtime), address.label(), options),
      server_(std::make_shared<ServerNode>(Exchange::runtime(), address, options)),
      replicas_(replicas_of(Exchange::runtime(), server_, options)) {}

asio::awaitable<std::vector<Answer>> SingleServer::run(Commands commands, SteadyTime deadline) {
    return send(server_->connections, label(), std::move(commands), deadline);
}

asio::awaitable<Result<std::vector<std::string>>> SingleServer::servers(SteadyTime) {
    co_return std::vector<std::string>{std::string()};
}

asio::awaitable<Answer> SingleServer::run_at(std::string, Commands command, SteadyTime deadline) {
    auto answers = co_await run(std::move(command), deadline);
    co_return std::move(answers.front());
}

std::vector<ReplicaPart> SingleServer::at_replicas(std::span<const Slot>, const Places& places, SteadyTime now) {
    std::vector<ReplicaPart> parts;
    if (!replicas_ || places.empty()) return parts;
    if (auto pick = replicas_->pick(now)) parts.push_back({std::move(*pick), places});
    return parts;
}

void SingleServer::close() noexcept {
    server_->connections.close();
    if (replicas_) replicas_->close();
}

} // namespace tiercel::redis
