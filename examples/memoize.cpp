// How do I remember what a function gave, as functools.lru_cache does in Python?

#include "expect.hpp"

#include <tiercel/memoize.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <numbers>
#include <stdexcept>
#include <string>

namespace {

int computed = 0;

double volume(double radius, double height) {
    ++computed;
    return std::numbers::pi * radius * radius * height;
}

} // namespace

int main() {
    // [snippet memoize]
    auto cylinder = tiercel::memoize(volume, {.max_entries = 1'000});

    cylinder(3, 4); // computes
    cylinder(3, 4); // remembers
    std::cout << cylinder.stats().memory.hits << " hit, " << cylinder.stats().source.loads << " computed\n";

    cylinder.clear();
    cylinder(3, 4); // computes again
    // [/snippet]
    example::expect(computed == 2, "equal arguments are computed once, and again after clear()");

    // One argument, and recursion: each number is computed once.
    int steps = 0;
    std::function<std::uint64_t(unsigned)> fibonacci;
    fibonacci = tiercel::memoize([&](unsigned n) -> std::uint64_t {
        ++steps;
        return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
    });
    example::expect(fibonacci(90) == 2'880'067'194'370'816'120u && steps == 91,
                    "91 steps for the 90th Fibonacci number");

    // A large result need not be copied: handle() shares it.
    auto text = tiercel::memoize([](int length) { return std::string(static_cast<std::size_t>(length), 'x'); });
    example::expect(text.handle(1'000'000).get() == text.handle(1'000'000).get(), "handles share one result");

    // What throws is not remembered.
    int attempts = 0;
    auto fragile = tiercel::memoize([&](int n) {
        if (++attempts == 1) throw std::runtime_error("not yet");
        return n;
    });
    try {
        fragile(7);
        example::expect(false, "the exception arrives");
    } catch (const std::runtime_error& error) {
        example::expect(error.what() == std::string("not yet"), "the function's own exception arrives");
    }
    example::expect(fragile(7) == 7, "and the next call tries again");
}
