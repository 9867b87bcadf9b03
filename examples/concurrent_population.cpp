// How do I fetch many keys at once, load what is missing in one batch and set it together, from coroutines?

#include "expect.hpp"

#include <tiercel/async.hpp>
#include <tiercel/cache.hpp>
#include <tiercel/memory_backend.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace {

using Prices = tiercel::Cache<int, double>;

int batches = 0;

/// The source of truth, asked for many things at a time. It may wait for sockets; here it only counts.
asio::awaitable<std::vector<double>> fetch_prices(std::span<const int> articles) {
    ++batches;
    std::cout << "fetching " << articles.size() << " prices\n";
    std::vector<double> prices;
    for (const int article : articles)
        prices.push_back(article * 1.5);
    co_return prices;
}

/// By hand: get what is there, load the rest, set it together.
// [snippet population_by_hand]
asio::awaitable<double> total_by_hand(const Prices& prices, std::vector<int> articles) {
    const auto cached = co_await prices.async_get_many(articles);
    double total = 0;
    std::vector<int> missing;
    for (std::size_t i = 0; i < articles.size(); ++i) {
        if (cached[i] && *cached[i])
            total += **cached[i];
        else
            missing.push_back(articles[i]);
    }
    if (missing.empty()) co_return total;

    const auto loaded = co_await fetch_prices(missing);
    std::vector<std::pair<int, double>> items;
    for (std::size_t i = 0; i < missing.size(); ++i) {
        items.emplace_back(missing[i], loaded[i]);
        total += loaded[i];
    }
    co_await prices.async_put_many(std::move(items));
    co_return total;
}
// [/snippet]

/// The same in one call: what others are already loading is joined, not loaded again.
// [snippet coroutines]
asio::awaitable<double> total_of(const Prices& prices, std::vector<int> articles) {
    const auto found = co_await prices.async_get_or_load_many(articles, fetch_prices);
    double total = 0;
    for (const auto& price : found)
        total += *price.value(); // Result<Handle<double>>: throws what went wrong
    co_return total;
}
// [/snippet]

} // namespace

int main() {
    const auto create = [] {
        return Prices::create({.name = "prices", .tiers = {{.backend = tiercel::memory_backend::create()}}}).value();
    };
    asio::io_context loop;
    const auto rethrow = [](const std::exception_ptr& thrown) {
        if (thrown) std::rethrow_exception(thrown);
    };

    const auto by_hand = create();
    const auto hand = [&]() -> asio::awaitable<void> {
        by_hand.put(1, 1.5);
        const std::vector<int> articles = {1, 2, 3};
        const double first = co_await total_by_hand(by_hand, articles);
        const double second = co_await total_by_hand(by_hand, articles);
        example::expect(first == 9 && second == 9 && batches == 1, "by hand: two of three missing, one batch");
    };
    asio::co_spawn(loop, hand, rethrow);
    loop.run();

    batches = 0;
    const auto prices = create();
    int right = 0;
    const auto customer = [&]() -> asio::awaitable<void> {
        std::vector<int> articles(100);
        for (int i = 0; i < 100; ++i)
            articles[static_cast<std::size_t>(i)] = i;
        if (co_await total_of(prices, articles) == 4950 * 1.5) ++right;
    };
    for (int i = 0; i < 50; ++i)
        asio::co_spawn(loop, customer, rethrow);
    loop.restart();
    loop.run();
    example::expect(right == 50, "50 coroutines get 100 prices each");
    example::expect(prices.stats().source.loads == 100, "each price is fetched once");
    example::expect(batches == 1, "all of them in one batch");
}
