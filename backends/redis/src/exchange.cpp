#include "exchange.hpp"

#include "error_reply.hpp"
#include "transport/awaited_call.hpp"

#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using transport::AwaitedCall;

asio::awaitable<std::vector<Answer>> Exchange::send(transport::Connections& connections, const std::string& server,
                                                    Commands commands, SteadyTime deadline) const {
    const std::size_t count = commands.count();
    const boost::intrusive_ptr<AwaitedCall> call(new AwaitedCall(std::move(commands).take_bytes(), count, deadline));
    co_await AwaitedCall::settle(shared_from_this(), connections, call);
    std::vector<Answer> answers;
    answers.reserve(count);
    for (auto& reply : call->replies) {
        if (reply.kind == Reply::Kind::error) {
            answers.emplace_back(to_error(reply.text, server));
        } else {
            answers.emplace_back(std::move(reply));
        }
    }
    while (answers.size() < count)
        answers.emplace_back(*call->error);
    co_return answers;
}

std::vector<ReplicaPart> Exchange::at_replicas(std::span<const Slot>, const Places&, SteadyTime) {
    return {};
}

asio::awaitable<std::vector<Answer>> Exchange::run_at_replica(Replica& replica, Commands commands,
                                                              SteadyTime deadline) {
    return send(replica.connections, replica.label, std::move(commands), deadline);
}

Error Exchange::unexpected_reply() const {
    return Error(Errc::protocol_error,
                 label_ + ": a reply of another kind than the command has; is a proxy in between?");
}

} // namespace tiercel::redis
