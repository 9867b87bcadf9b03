// How do I spread a tier over a pool of memcached servers, and what happens when one of them dies?

#include "expect.hpp"
#include "servers.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/memcached.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

int main() {
    example::OwnMemcached a, b, c;
    const auto list = a.address() + "," + b.address() + "?weight=2," + c.address();

    const auto start_service = [&] {
        // [snippet memcached_pool]
        auto words = tiercel::Cache<std::string, std::string>::create({
            .name = "words",
            // "host:port,host:port?weight=2,..."
            .tiers = {{.backend = tiercel::memcached::connect(list), .timeout = 500ms}},
        });
        // [/snippet]
        return std::move(words).value();
    };

    std::vector<std::string> keys;
    std::vector<std::pair<std::string, std::string>> items;
    for (int i = 0; i < 400; ++i) {
        keys.push_back("key " + std::to_string(i)); // the space is no trouble: it is encoded
        items.emplace_back(keys.back(), "value " + std::to_string(i));
    }
    const auto stored = start_service().put_many(items); // one batch for each server
    example::expect(std::all_of(stored.begin(), stored.end(), [](const auto& put) { return put && put->complete(); }),
                    "all values are stored");

    const auto found = [&] {
        const auto cold = start_service(); // nothing in its memory
        const auto values = cold.get_many(keys);
        std::cout << to_table(cold.stats()) << '\n';
        return std::count_if(values.begin(), values.end(), [](const auto& value) { return bool(value); });
    };
    example::expect(found() == 400, "a service that starts finds them all");

    b.kill9();
    const auto left = found();
    std::cout << left << " of 400 are left without the server that has half the weight\n";
    example::expect(left > 100 && left < 300, "a dead server costs its own keys, no others, and fails no lookup");
}
