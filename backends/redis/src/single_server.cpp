#include "single_server.hpp"

#include "resp.hpp"

#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;

SingleServer::SingleServer(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options)
    : Exchange(std::move(runtime), address.label(), options),
      connections_(connections_to(address, Exchange::runtime(), options)) {}

asio::awaitable<std::vector<Answer>> SingleServer::run(Commands commands, SteadyTime deadline) {
    return send(connections_, label(), std::move(commands), deadline);
}

asio::awaitable<Result<std::vector<std::string>>> SingleServer::servers(SteadyTime) {
    co_return std::vector<std::string>{std::string()};
}

asio::awaitable<Answer> SingleServer::run_at(std::string, Commands command, SteadyTime deadline) {
    auto answers = co_await run(std::move(command), deadline);
    co_return std::move(answers.front());
}

} // namespace tiercel::redis
