// How do I fill the cache before traffic arrives?
//   ./priming [--redis redis://host:port]

#include "expect.hpp"
#include "servers.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/redis.hpp>

#include <atomic>
#include <iostream>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::atomic<int> loaded = 0;

std::vector<std::string> load_articles(std::span<const int> ids) {
    std::vector<std::string> texts;
    for (const int id : ids)
        texts.push_back("article " + std::to_string(id));
    loaded += static_cast<int>(ids.size());
    return texts;
}

} // namespace

int main(int argc, char** argv) {
    const example::Redis server(argc, argv);
    const auto start_service = [&] {
        auto articles = tiercel::Cache<int, std::string>::create({
            .name = "articles",
            .tiers = {{.backend = tiercel::redis::connect(server.url()), .name = "redis", .timeout = 1s}},
            .expiry = {.ttl = 1h, .jitter = 0.2}, // so that what is loaded together does not expire together
            .loader = load_articles,
        });
        return std::move(articles).value();
    };

    auto articles = start_service();
    articles.clear(); // for a Redis that an earlier run has filled

    std::vector<int> wanted(2'000); // the ids of what was asked for most
    std::iota(wanted.begin(), wanted.end(), 0);

    // [snippet priming]
    const auto bar = [](const tiercel::PrimeProgress& progress) {
        std::cout << progress.counts.settled() << " of " << progress.total.value() << '\r' << std::flush;
    };
    auto primed = articles.prime(wanted, {.parallel = 8, .rate_per_second = 20'000, .on_progress = bar});
    const tiercel::PrimeReport& report = primed.value();
    std::cout << '\n' << report.counts.loaded << " loaded, " << report.counts.failed << " failed\n";
    for (const auto& [reason, times] : report.reasons)
        std::cout << times << " times: " << reason << '\n';
    // [/snippet]
    example::expect(report.counts.loaded == 2'000 && loaded == 2'000, "2,000 articles are loaded");
    example::expect(articles.get(1'234).source().kind == tiercel::Source::Kind::memory, "and are in memory");

    int next = 1'500;
    const auto generator = [&next]() -> std::optional<int> {
        return next < 2'500 ? std::optional(next++) : std::nullopt;
    };
    const auto more = articles.prime(generator).value();
    example::expect(more.counts.fresh == 500 && more.counts.loaded == 500 && loaded == 2'500,
                    "what is fresh already is not loaded again");

    articles.close();                 // waits for what is still on its way to Redis
    auto restarted = start_service(); // cold, beside a warm Redis
    // [snippet priming_from_a_tier]
    const auto warm = restarted.prime_from("redis");
    // [/snippet]
    example::expect(warm && warm->counts.from_tiers == 2'500 && loaded == 2'500,
                    "after a restart the keys and the values come from Redis");
}
