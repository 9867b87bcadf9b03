// How do I put a Redis Cluster behind a cache, or a list of servers that are none, and what does a dead node cost?

#include "expect.hpp"
#include "servers.hpp"

#include "support/redis_cluster.hpp" // of tests/: stands in for the cluster that you have
#include "support/wait_until.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/redis.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Words = tiercel::Cache<std::string, std::string>;

/// How many a service finds that has nothing in its memory.
std::ptrdiff_t found(const Words& cold, const std::vector<std::string>& keys) {
    const auto values = cold.get_many(keys);
    return std::count_if(values.begin(), values.end(), [](const auto& value) { return bool(value); });
}

bool is_complete(const auto& stored) {
    return std::all_of(stored.begin(), stored.end(), [](const auto& put) { return put && put->complete(); });
}

} // namespace

int main() {
    std::vector<std::string> keys;
    std::vector<std::pair<std::string, std::string>> items;
    for (int i = 0; i < 300; ++i) {
        keys.push_back("key " + std::to_string(i));
        items.emplace_back(keys.back(), "value " + std::to_string(i));
    }

    // Three masters, a replica of each, and a cluster that goes on with what it has when one is down.
    tiercel::test::RedisCluster cluster({.replicas_each = 1, .arguments = {"--cluster-require-full-coverage", "no"}});
    const auto start_service = [&] {
        const std::vector<std::string> seeds = {cluster.node(0).url(), cluster.node(1).url()};
        // [snippet redis_cluster]
        auto words = Words::create({
            .name = "words",
            // Any nodes: they name the others. "redis://[user:password@]host[:port]"
            .tiers = {{.backend = tiercel::redis::connect_cluster(seeds), .timeout = 500ms}},
        });
        // [/snippet]
        return std::move(words).value();
    };
    example::expect(is_complete(start_service().put_many(items)), "a batch goes to all nodes at once");
    example::expect(found(start_service(), keys) == 300, "a service that starts finds everything");
    cluster.node(2).kill9();
    const auto left = found(start_service(), keys);
    std::cout << left << " of 300 are left without one of three masters\n";
    example::expect(left > 100 && left < 300, "it costs its own keys, no others, and fails no lookup");
    const bool back = tiercel::test::wait_until([&] { return found(start_service(), keys) == 300; });
    example::expect(back, "until its replica has taken over");

    // The same without a cluster: servers that know nothing of each other.
    const example::OwnRedis a;
    const example::OwnRedis b;
    const auto start_sharded = [&] {
        const auto url_of_a = a.url();
        const auto url_of_b = b.url();
        // [snippet redis_sharded]
        auto words = Words::create({
            .name = "words",
            // Who has the same names and weights finds a key at the same server, in whatever order they stand.
            .tiers = {{.backend = tiercel::redis::connect_sharded({
                           {.url = url_of_a, .name = "a"},
                           {.url = url_of_b, .name = "b", .weight = 2},
                       }),
                       .timeout = 500ms}},
        });
        // [/snippet]
        return std::move(words).value();
    };
    example::expect(is_complete(start_sharded().put_many(items)), "independent servers share the keys");
    example::expect(found(start_sharded(), keys) == 300, "and every service knows which has which");
}
