// How do I keep things in memory, bounded in number and in time?

#include "expect.hpp"

#include <tiercel/cache.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main() {
    // [snippet quick_start]
    auto cache = tiercel::Cache<std::string, std::string>::create({
        .name = "capitals",
        .memory = {.max_entries = 1'000},
        .expiry = {.ttl = 10min},
    });
    auto& capitals = cache.value(); // throws what create() has to say about bad options

    capitals.put("France", "Paris");
    if (auto capital = capitals.get("France")) std::cout << *capital << '\n';
    capitals.invalidate("France");
    // [/snippet]

    example::expect(!capitals.get("France"), "what was invalidated is a miss");

    capitals.put("Chile", "Santiago");
    const auto handle = capitals.get("Chile");
    capitals.clear();
    example::expect(*handle == "Santiago", "a handle keeps its value, whatever becomes of the entry");

    for (int i = 0; i < 2'000; ++i)
        capitals.put("country " + std::to_string(i), "somewhere");
    example::expect(capitals.stats().memory.entries <= 1'000, "no more entries than the bound");

    const auto refused = tiercel::Cache<std::string, std::string>::create({.name = "bad", .expiry = {.ttl = 0s}});
    std::cout << refused.error().message() << '\n';
    example::expect(refused.error() == tiercel::Errc::invalid_option, "bad options are an error that names the field");
}
