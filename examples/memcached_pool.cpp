// How do I spread a tier over a pool of memcached servers, and what happens when one of them dies?

#include "expect.hpp"
#include "servers.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/memcached.hpp>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Words = tiercel::Cache<std::string, std::string>;

/// A service that starts: nothing in its memory.
Words service_over(tiercel::Result<std::shared_ptr<tiercel::spi::Backend>> pool, std::atomic<int>& loads) {
    auto words = Words::create({
        .name = "words",
        .tiers = {{.backend = std::move(pool), .timeout = 500ms}},
        .loader = [&loads](const std::string& key) -> tiercel::Result<std::optional<std::string>> {
            ++loads;
            return "value of " + key;
        },
    });
    return std::move(words).value();
}

} // namespace

int main() {
    example::OwnMemcached a, b, c, spare;

    // [snippet memcached_pool]
    // "host:port,host:port?weight=2,..."
    const auto pool = a.address() + "," + b.address() + "?weight=2," + c.address();
    const auto plain = [&] { return tiercel::memcached::connect(pool); };
    // [/snippet]

    // [snippet memcached_gutter]
    // What stands in for a server that is dead: small, otherwise idle, and nothing in it lives long.
    const tiercel::memcached::Options with_gutter = {
        .gutter = tiercel::memcached::Gutter{.servers = spare.address(), .max_ttl = 10s},
    };
    const auto guarded = [&] { return tiercel::memcached::connect(pool, with_gutter); };
    // [/snippet]

    std::vector<std::string> keys;
    for (int i = 0; i < 400; ++i)
        keys.push_back("key " + std::to_string(i)); // the space is no trouble: it is encoded

    /// How many of the keys a service that starts has to load.
    const auto loads_of_a_start = [&](auto connect) {
        std::atomic<int> loads = 0; // the loader runs on several threads
        const auto words = service_over(connect(), loads);
        const auto values = words.get_or_load_many(keys); // one batch to each server
        const bool all = std::all_of(values.begin(), values.end(), [](const auto& value) { return value && *value; });
        return all ? loads.load() : -1;
    };

    example::expect(loads_of_a_start(plain) == 400, "the first service loads everything");
    example::expect(loads_of_a_start(plain) == 0, "the next one finds all in the pool");

    b.kill9();
    const int lost = loads_of_a_start(plain);
    std::cout << lost << " of 400 are lost with the server that had half the weight\n";
    example::expect(lost > 100 && lost < 300, "a dead server costs its own keys, no others, and fails no lookup");
    example::expect(loads_of_a_start(plain) == lost, "and goes on costing them");

    example::expect(loads_of_a_start(guarded) == lost, "with a gutter they are loaded once more");
    const int loads = loads_of_a_start(guarded);
    std::cout << loads << " are to be loaded by who comes after, with a gutter\n";
    example::expect(loads == 0, "and stay there for who comes after");
}
