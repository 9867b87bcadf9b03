#include "in_parallel.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;

asio::awaitable<void> in_parallel(std::vector<asio::awaitable<void>> parts) {
    if (parts.empty()) co_return;
    if (parts.size() == 1) {
        co_await std::move(parts.front());
        co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto spawn = [&](asio::awaitable<void> part) {
        return asio::co_spawn(executor, std::move(part), asio::deferred);
    };
    std::vector<decltype(spawn(std::declval<asio::awaitable<void>>()))> spawned;
    spawned.reserve(parts.size());
    for (auto& part : parts)
        spawned.push_back(spawn(std::move(part)));
    auto group = asio::experimental::make_parallel_group(std::move(spawned));
    auto [order, thrown] = co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    for (const auto& exception : thrown)
        if (exception) std::rethrow_exception(exception);
}

} // namespace tiercel::redis
