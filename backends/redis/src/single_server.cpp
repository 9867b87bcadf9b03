#include "single_server.hpp"

#include "error_reply.hpp"
#include "resp.hpp"
#include "transport/awaited_call.hpp"

#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using transport::AwaitedCall;

SingleServer::SingleServer(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options)
    : Exchange(std::move(runtime), address.label(), options),
      connections_(connections_to(address, Exchange::runtime(), options)) {}

asio::awaitable<std::vector<Answer>> SingleServer::run(Commands commands, SteadyTime deadline) {
    const std::size_t count = commands.count();
    const boost::intrusive_ptr<AwaitedCall> call(new AwaitedCall(std::move(commands).take_bytes(), count, deadline));
    co_await AwaitedCall::settle(shared_from_this(), connections_, call);
    std::vector<Answer> answers;
    answers.reserve(count);
    for (auto& reply : call->replies) {
        if (reply.kind == Reply::Kind::error) {
            answers.emplace_back(to_error(reply.text, label()));
        } else {
            answers.emplace_back(std::move(reply));
        }
    }
    while (answers.size() < count)
        answers.emplace_back(*call->error);
    co_return answers;
}

asio::awaitable<Result<std::vector<std::string>>> SingleServer::servers(SteadyTime) {
    co_return std::vector<std::string>{std::string()};
}

asio::awaitable<Answer> SingleServer::run_at(std::string, Commands command, SteadyTime deadline) {
    auto answers = co_await run(std::move(command), deadline);
    co_return std::move(answers.front());
}

} // namespace tiercel::redis
